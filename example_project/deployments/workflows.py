"""How a version gets to production, through two gates."""

from datetime import timedelta
from typing import Any

import django_durable as durable
from example_project.deployments.models import Environment

VERIFICATION_PATIENCE = timedelta(hours=1)
UNVERIFIED = {"works": False, "reason": "Nobody verified it within an hour."}


@durable.workflow
def deploy(version: str) -> dict[str, str]:
    """Install a version on staging, and after two gates for good in production."""
    install("staging", version)
    durable.set_event("gate", "staging")
    approved = durable.on_message("staging_approved")
    withdrawn = durable.on_message("withdrawn")
    # No time-out: a workflow that waits costs nothing.
    opened, _ = durable.first_of(approved, withdrawn)
    if opened == withdrawn:
        return finish("withdrawn")

    previous = install("production", version)
    durable.set_event("gate", "production")
    verification = durable.recv(
        "production_verified", timeout=VERIFICATION_PATIENCE, default=UNVERIFIED
    )
    if verification["works"]:
        return finish("deployed")
    roll_back("production", version, previous)
    return finish("rolled back", verification["reason"])


def finish(status: str, reason: str = "") -> dict[str, str]:
    """Publish how it ended, and return it."""
    outcome = {"status": status, "reason": reason}
    durable.set_event("gate", None)
    durable.set_event("outcome", outcome)
    return outcome


@durable.transaction
def install(environment: str, version: str) -> str:
    """Let a version run, and return the one that it replaces."""
    return Environment.objects.install(environment, version)


@durable.transaction
def roll_back(environment: str, version: str, previous: str) -> None:
    """Let the version run again that ran before."""
    Environment.objects.roll_back(environment, version, to=previous)


def workflow_id_of(version: str) -> str:
    """Return the id of the workflow that deploys a version: there is only one."""
    return f"deployment-{version}"


def answer_to(answer: str, reason: str) -> tuple[str, dict[str, Any]]:
    """Return the topic and the message of a person's answer at a gate."""
    return {
        "approve": ("staging_approved", {}),
        "withdraw": ("withdrawn", {}),
        "works": ("production_verified", {"works": True, "reason": reason}),
        "fails": ("production_verified", {"works": False, "reason": reason}),
    }[answer]
