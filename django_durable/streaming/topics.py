"""What can be watched."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, ClassVar, Protocol

from django_durable import conf
from django_durable.signals import Place
from django_durable.streaming.frames import Frame
from django_durable.streaming.threads import Threads

# How often to look without a hint, where there are hints.
SLOW_LOOK_SECONDS = 2.0


class Readers(Protocol):
    """What topics need of their hub."""

    readers: Threads
    queries: int


class Watch(Protocol):
    """Where a watcher stands in a topic."""

    offset: int

    @property
    def has_all(self) -> bool: ...

    async def take(self) -> list[Frame]: ...


class Topic(ABC):
    """What somebody in this process watches.

    Where it ``has_offsets`` that last, whoever comes back goes on at one. Once it
    ``is_gone``, it tells nothing more: what bears its name later is something else.
    """

    has_offsets: ClassVar[bool] = True

    def __init__(self, hub: Readers, place: Place) -> None:
        self.hub = hub
        self.place = place
        self.status: str | None = None
        self.is_gone = False
        self._created_at: datetime | None = None
        self.is_open = asyncio.Event()
        self.looked_at = float("-inf")
        self._wakes: dict[object, Callable[[], None]] = {}

    @property
    def rhythm(self) -> float:
        """How long news may wait that no hint tells of."""
        return SLOW_LOOK_SECONDS

    @property
    @abstractmethod
    def targets(self) -> list[str]:
        """The names by which hints call what changes it."""

    def has_seen(self, reached: int) -> bool:
        """Tell whether a place that is so far holds no news for it."""
        return False

    @abstractmethod
    def cursor(self) -> Any:
        """Return what ``look`` has to know of this topic."""

    @staticmethod
    @abstractmethod
    def look(cursors: Sequence[Any]) -> Sequence[Any]:
        """Ask the database, in a thread, for the news of some topics."""

    @abstractmethod
    def take_in(self, news: Any) -> bool:
        """Keep the news; return whether there is more to be read at once."""

    def is_still(self, created_at: datetime | None) -> bool:
        """Tell whether it is there, and the workflow the one that was seen first.

        ``created_at`` is that of the workflow which bears the id now.
        """
        self._created_at = self._created_at or created_at
        if created_at is None or created_at != self._created_at:
            self.is_gone, self.status = True, None
        return not self.is_gone

    @abstractmethod
    def welcome(self) -> dict[str, Any]:
        """Return what a new watcher is told first."""

    @property
    @abstractmethod
    def ending(self) -> str | None:
        """Why nothing more will come: closed, workflow_ended or deleted."""

    @abstractmethod
    def watch(self, start: int, largest: int) -> Watch:
        """Return the place of a new watcher, whose messages have a size at most."""

    def join(self, watcher: object, wake: Callable[[], None]) -> None:
        """Call ``wake`` for this watcher whenever there are news."""
        self._wakes[watcher] = wake

    def leave(self, watcher: object) -> bool:
        """Forget a watcher; return whether it was the last one."""
        self._wakes.pop(watcher, None)
        return not self._wakes

    def tell(self) -> None:
        """Wake all who watch."""
        for wake in self._wakes.values():
            wake()


class Hears(Protocol):
    """A further source of hints about the topics of one hub."""

    is_working: bool

    def listen(self, topic: Topic) -> None: ...

    def forget(self, topic: Topic) -> None: ...

    def close(self) -> None: ...


def database() -> str:
    """Return the alias of the database that is watched."""
    return conf.current().database
