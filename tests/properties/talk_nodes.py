"""What programs can say and hear; see sayings.py for the names."""

from __future__ import annotations

from dataclasses import dataclass

from django_durable.serialization import register_type


@dataclass(frozen=True)
class Tell:
    """Messages. ``to`` self, parent or nobody.

    ``how`` for all that is said: in the body, many in one call of it, or in a step,
    astep or transaction, of which the first ``fails`` tries fail.
    """

    value: int = 0
    count: int = 1
    to: str = "self"
    topic: int = 0
    how: str = "body"
    fails: int = 0


@dataclass(frozen=True)
class Announce:
    """An event."""

    value: int = 0
    key: int = 0
    overwrite: bool = True
    how: str = "body"
    fails: int = 0


@dataclass(frozen=True)
class Write:
    """Values for a stream, and perhaps its end."""

    value: int = 0
    count: int = 1
    stream: int = 1
    closes: bool = False
    how: str = "body"
    fails: int = 0


@dataclass(frozen=True)
class Hear:
    """Receive what was told to self; or, without a time-out, from above."""

    topic: int = 0
    minutes: int | None = 1
    has_default: bool = True


@dataclass(frozen=True)
class Race:
    """first_of() a message to self, an event of its own, and a timer."""

    topic: int = 0
    key: int = 0
    minutes: int = 1


@dataclass(frozen=True)
class Read:
    """Read its own event, all its events, or the first value of a stream."""

    what: str = "event"
    number: int = 0
    minutes: int = 1


Saying = Tell | Announce | Write
Hearing = Hear | Race | Read

for each in (Tell, Announce, Write, Hear, Race, Read):
    register_type(each, name=f"properties.{each.__name__}")
