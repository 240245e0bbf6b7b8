"""Rehearsals: histories replayed by the code at hand, without consequences.

Recorded steps are answered from the journal, and the body stops at the first call
that has no answer there. Nothing is claimed, executed or written.
"""

import asyncio
import contextvars
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from asgiref.sync import async_to_sync
from django.db import connections
from django.db.backends.signals import connection_created

from django_durable import clock
from django_durable.definitions.context import Frame, enter, entered
from django_durable.definitions.registry import Definition
from django_durable.exceptions import Pause, Suspend, Unwind
from django_durable.execution import running
from django_durable.execution.divergence import (
    Difference,
    Divergence,
    History,
    call_site,
)
from django_durable.execution.drivers import Algorithm
from django_durable.execution.execution import Execution
from django_durable.execution.journal import Place
from django_durable.execution.leaving import Leaving
from django_durable.execution.one_thread import OneThread
from django_durable.models import sql
from django_durable.models.checkpoint import Checkpoint
from django_durable.models.claims import Claimed
from django_durable.models.wait import WaitRow

_READS = re.compile(
    r"\s*\(?\s*(SELECT|SHOW|EXPLAIN|PRAGMA|BEGIN|SAVEPOINT|RELEASE|ROLLBACK)\b"
    r"|\s*WITH\b(?!.*\b(INSERT|UPDATE|DELETE|MERGE)\b)",
    re.IGNORECASE | re.DOTALL,
)


class EndOfHistory(Suspend):
    """Nothing is recorded here: the branch has fitted so far.

    Caught by the executor.
    """


class Rehearsal(Execution):
    """An execution that only answers from the journal.

    ``visited`` are the places that the code has come to, ``stopped`` the branches
    that have come to the end of what is recorded of them.
    """

    # Async branches that say nothing for so many seconds have come to their end.
    patience = 0.0

    def __init__(
        self, claimed: Claimed, definition: Definition, using: str, history: History
    ) -> None:
        super().__init__(claimed, definition, _Nowhere(using))
        self.journal = history.journal
        self.history = history
        self.visited: set[Place] = set()
        self.stopped: set[str] = set()
        self.divergence: Divergence | None = None

    def make_leaving(self) -> Leaving:
        return _StayingTogether(self)

    def recall(self, place: Place, name: str, kind: str) -> Checkpoint | None:
        """Return what was recorded; stop the branch where that is nothing."""
        self.visited.add(place)
        if place not in self.journal.steps:
            self._compare_with_begun(place, name, kind)
            self.stopped.add(place.branch)
            raise EndOfHistory
        try:
            return super().recall(place, name, kind)
        except Pause as pause:
            error: Any = pause.error
            recorded, called = error.recorded, error.called
            message = (
                f"Step {place.label} was recorded as {recorded!r}, but the code now"
                f" calls {called!r}."
            )
            self._note(Difference.STEP, message, place, recorded, called)
            raise

    def replay(self, recorded: Checkpoint) -> Any:
        """See State.replay(); note a value that cannot be read."""
        try:
            return super().replay(recorded)
        except Pause as pause:
            place = Place(recorded.branch, recorded.step_id)
            self._note(
                Difference.UNREADABLE, str(pause.error), place, recorded.name, ""
            )
            raise

    def assure_active(self, *, anyhow: bool = False) -> Algorithm:
        """Stop: what follows would be new."""
        self.stopped.add("")
        raise EndOfHistory
        yield

    def set_summary(self, text: str) -> Any:
        """Say nothing; code goes on."""
        return self._drive(_nothing)

    def note_write(self, statement: str) -> None:
        """Note that the body was about to write."""
        message = f"The body of the workflow writes to the database: {statement[:80]}"
        self._note(Difference.WRITES, message)

    def _compare_with_begun(self, place: Place, name: str, kind: str) -> None:
        begun = self.history.begun_otherwise(place, self.child_id(place), name, kind)
        if begun is None:
            return
        message = (
            f"Step {place.label} has begun as {begun!r}, but the code now calls"
            f" {name!r}: what has begun would begin anew, behind it."
        )
        self._note(Difference.BEGUN, message, place, begun, name)
        raise self.end(EndOfHistory())

    def _note(
        self,
        difference: Difference,
        message: str,
        place: Place | None = None,
        recorded: str = "",
        called: str = "",
    ) -> None:
        if self.divergence is None:
            file, line = call_site()
            branch, step_id = place if place is not None else ("", None)
            self.divergence = Divergence(
                difference, message, branch, step_id, recorded, called, file, line
            )


def perform(rehearsal: Rehearsal, args: Any, kwargs: Any) -> BaseException | None:
    """Run the body as far as its history goes; return what it raised of its own.

    Raises KeyboardInterrupt, which may be somebody's at the terminal.
    """
    with _reading_only(rehearsal):
        if rehearsal.is_async:
            error = async_to_sync(_aperform)(rehearsal, args, kwargs)
        else:
            error = _perform(rehearsal, args, kwargs)
    # What the body raises on its way out is no end of it.
    return error if rehearsal.ending is None else None


def _perform(rehearsal: Rehearsal, args: Any, kwargs: Any) -> BaseException | None:
    blocks = connections[rehearsal.host.using].atomic_blocks
    rehearsal.atomic_depth = len(blocks)
    with entered(rehearsal.frame()):
        try:
            rehearsal.definition.func(*args, **kwargs)
        except KeyboardInterrupt:
            raise
        except Unwind as unwind:
            rehearsal.end(unwind)
        except BaseException as error:
            return error
    return None


async def _aperform(
    rehearsal: Rehearsal, args: Any, kwargs: Any
) -> BaseException | None:
    context = contextvars.copy_context()
    context.run(enter, None)
    loop = asyncio.get_running_loop()
    running.install_task_factory(loop)
    task = loop.create_task(_root(rehearsal, args, kwargs), context=context)
    rehearsal.leaving.attach(task)
    try:
        return await task
    except asyncio.CancelledError:
        return running.let_out()
    finally:
        await running.end_branches(rehearsal)


async def _root(rehearsal: Rehearsal, args: Any, kwargs: Any) -> BaseException | None:
    with entered(rehearsal.frame()):
        try:
            await rehearsal.definition.func(*args, **kwargs)
        except (asyncio.CancelledError, KeyboardInterrupt):
            raise
        except Unwind as unwind:
            rehearsal.end(unwind)
        except BaseException as error:
            return error
    return None


def _nothing(frame: Frame) -> Algorithm:
    return
    yield


_refusal: contextvars.ContextVar[Any] = contextvars.ContextVar(
    "django_durable_refusal", default=None
)
_HERE = "django_durable.rehearsal"


class BodyWrites(RuntimeError):
    """The body of a workflow writes to the database, and a rehearsal does not."""


@contextmanager
def _reading_only(rehearsal: Rehearsal) -> Iterator[None]:
    """Refuse whatever the body itself would write.

    On connections of this thread, and on those that threads make into which
    asyncio takes the context; each rehearsal of async code has new ones.
    """

    def refuse(execute: Any, statement: str, *rest: Any) -> Any:
        if not _READS.match(statement):
            rehearsal.note_write(statement)
            raise BodyWrites(f"A rehearsal writes nothing: {statement[:80]}")
        return execute(statement, *rest)

    with ExitStack() as stack:
        stack.callback(_refusal.reset, _refusal.set(refuse))
        for connection in connections.all():
            stack.enter_context(connection.execute_wrapper(refuse))
            stack.callback(sql.close_left_open, connection)
        connection_created.connect(_read_only_here, dispatch_uid=_HERE)
        yield


def _read_only_here(connection: Any, **_: Any) -> None:
    refuse = _refusal.get()
    if refuse is not None and refuse not in connection.execute_wrappers:
        connection.execute_wrappers.append(refuse)


class _AtTheEnd:
    """A branch that has come to the end of its history; the others go on."""

    is_suspended = True

    def __init__(self, patience: float) -> None:
        self.hot_until = clock.monotonic() + patience

    def ring(self) -> None:
        """Stay."""

    def rows(self) -> list[WaitRow]:
        """Wait for nothing."""
        return []


class _StayingTogether(Leaving):
    """Lets each branch come to the end of its own history before all leave."""

    def __init__(self, rehearsal: Rehearsal) -> None:
        super().__init__(rehearsal)
        self._rehearsal = rehearsal

    def hold(self, frame: Frame, unwind: Unwind) -> None:
        if self._execution.is_async and isinstance(unwind, EndOfHistory):
            self.add(_AtTheEnd(self._rehearsal.patience))
            self.left.wait()
        else:
            super().hold(frame, unwind)

    async def park(self, unwind: Unwind) -> None:
        if not isinstance(unwind, EndOfHistory) or self._execution.ending is not None:
            await super().park(unwind)
        elif not self.left.is_set():
            self.add(_AtTheEnd(self._rehearsal.patience))
            await asyncio.get_running_loop().create_future()


class _Nowhere(OneThread):
    """Surroundings in which nothing is written: where it would be, all is told.

    What is asked goes on under the eyes of ``_reading_only()``.
    """

    passes_through: tuple[type[BaseException], ...] = (KeyboardInterrupt,)

    def record(self, checkpoint: Any) -> Any:
        raise EndOfHistory

    def finish(self, outcome: Any) -> Any:
        raise EndOfHistory

    def publish(self, row: Any) -> Any:
        raise EndOfHistory
