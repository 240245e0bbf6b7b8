"""What is measured: workflows of steps that do nothing."""

import django_durable as durable


@durable.step
def nothing() -> None:
    """Do nothing, durably."""


@durable.step
async def anothing() -> None:
    """Do nothing, durably."""


@durable.workflow
def in_sequence(steps: int) -> None:
    """Take steps one after the other."""
    for _ in range(steps):
        nothing()


@durable.workflow
async def ain_sequence(steps: int) -> None:
    """Take async steps one after the other."""
    for _ in range(steps):
        await anothing()
