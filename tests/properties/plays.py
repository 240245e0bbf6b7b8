"""The code of workflows as generators of durable calls, for both manners."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from dataclasses import dataclass
from functools import partial
from typing import Any

import django_durable as durable

Trail = list[Any]


class Boom(Exception):
    """What programs raise and catch."""


@dataclass(frozen=True)
class Ask:
    """One durable call, as sync code makes it and as async code does."""

    now: Callable[[], Any]
    soon: Callable[[], Awaitable[Any]]


Play = Generator[Ask, Any, Trail]


def call(name: str, *args: Any, **options: Any) -> Ask:
    """Return the call of a public function, or of its async twin."""
    return Ask(
        partial(getattr(durable, name), *args, **options),
        partial(getattr(durable, f"a{name}"), *args, **options),
    )


def call_of(definition: Any, *args: Any) -> Ask:
    """Return the call of a step or a workflow."""
    return Ask(lambda: definition(*args), lambda: definition.acall(*args))


def drive(play: Play) -> Trail:
    """Make the calls of a play here."""
    try:
        ask = next(play)
        while True:
            try:
                answer = ask.now()
            except BaseException as error:
                ask = play.throw(error)
            else:
                ask = play.send(answer)
    except StopIteration as stop:
        return stop.value


async def adrive(play: Play) -> Trail:
    """See drive()."""
    try:
        ask = next(play)
        while True:
            try:
                answer = await ask.soon()
            except BaseException as error:
                ask = play.throw(error)
            else:
                ask = play.send(answer)
    except StopIteration as stop:
        return stop.value
