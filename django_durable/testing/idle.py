"""Driving workflows to where nothing is left to do, on the test's own thread."""

from collections import Counter
from collections.abc import Iterable
from contextlib import ExitStack, suppress
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from asgiref.sync import async_to_sync, sync_to_async
from django.db import DatabaseError, connections

from django_durable import clock, conf
from django_durable.definitions import registry
from django_durable.definitions.context import current_frame, refuse_running_loop
from django_durable.execution import running
from django_durable.execution.execution import Execution
from django_durable.models import Wait, Worker, Workflow, sql
from django_durable.models.claims import Claimed
from django_durable.models.code import ANY_VERSION
from django_durable.models.status import Status
from django_durable.testing import crashing, schedules
from django_durable.testing.commits import PlayedCommits
from django_durable.testing.host import OneThreadHost
from django_durable.wakeup import hub

# How many workflows are taken at a time; they are executed one after the other.
CLAIMS = 20


def run_until_idle(*, limit: int = 10_000) -> int:
    """Execute all due workflows; return how many executions that took.

    A workflow that waits is suspended at once, and goes on in the same call
    when what it waits for happens. What waits for a time is left waiting: move
    the clock of ``virtual_time()`` and call this again; what is in a paused queue
    stays there. Schedules fire where ``virtual_time()`` was told so. All of it
    happens on the caller's thread and connection, also inside of a test's transaction,
    with the on-commit work of each step. Paused workflows get another try.
    Raises AssertionError when ``limit`` executions were not enough, and
    TransactionManagementError inside an ``atomic()`` of the test's own.
    """
    refuse_running_loop("run_until_idle", "arun_until_idle")
    if current_frame() is not None:
        raise RuntimeError("run_until_idle() is for tests, not for workflows.")
    using, crasher = conf.current().database, crashing.active()
    with ExitStack() as stack:
        stack.enter_context(hub.muted())
        for connection in connections.all():
            its = crasher if connection.alias == using else None
            played = stack.enter_context(PlayedCommits(connection, its))
            if connection.alias == using:
                commits = played
        executed = 0
        while True:
            process = _Process(using, limit)
            try:
                process.work()
                return executed + process.executed
            except BaseException:
                if crasher is None or not crasher.is_dead:
                    with suppress(DatabaseError):
                        process.leave()
                    raise
                executed += process.executed
                commits.restore()
                crasher.revive()
                process.leave()


async def arun_until_idle(*, limit: int = 10_000) -> int:
    """See run_until_idle(); for async tests."""
    return await sync_to_async(run_until_idle, thread_sensitive=True)(limit=limit)


class _Process:
    """A worker of one thread; there is a second one only after a crash."""

    def __init__(self, using: str, limit: int) -> None:
        self.executed = 0
        self._using = using
        self._limit = limit
        self._rows = Workflow.objects.using(using)
        self._row: Worker | None = None
        if not connections[using].in_atomic_block:  # Others can see what it holds.
            workers = Worker.objects.using(using)
            self._row = workers.register(Worker.Kind.WORKER, definitions=_all_pairs())
        self._worker_id = self._row.pk if self._row is not None else uuid4()

    def work(self) -> None:
        """Tidy up as a worker does that starts, then execute what is due."""
        self._take_up(_Look(self._using))
        schedules.fire_due(self._using)
        while claimed := self._claim(_Look(self._using)):
            for row in claimed:
                self._execute(row)
        self.leave()

    def leave(self) -> None:
        """Hold nothing any more, dead or alive."""
        if self._row is not None:
            Worker.objects.using(self._using).filter(pk=self._worker_id).delete()

    def _take_up(self, look: "_Look") -> None:
        if Status.PENDING in look.statuses:
            Worker.objects.using(self._using).declare_dead()
            self._rows.requeue_abandoned()
        if Status.PAUSED in look.statuses:
            before = clock.now() + timedelta.resolution
            self._rows.unpause(_all_pairs(), before=before)
        if Status.WAITING in look.statuses:
            Wait.objects.using(self._using).wake_met()
            self._rows.wake_forgotten()

    def _claim(self, look: "_Look") -> list[Claimed]:
        if look.has_missed_deadlines:
            while self._rows.cancel_overdue():
                pass
            look = _Look(self._using)
        if look.has_due_waits:
            self._rows.wake_due()
            look = _Look(self._using)
        # The code of a whole project makes a long list, and a slow claim.
        if not (pairs := _pairs(filter(None, map(registry.find, look.ready)))):
            return []
        claimed: list[Claimed] = self._rows.claim(self._worker_id, pairs, limit=CLAIMS)
        if not claimed and (suspect := self._rows.first_suspect(pairs, None)):
            claimed = self._rows.claim_suspect(self._worker_id, suspect, pairs)
        return claimed

    def _execute(self, claimed: Claimed) -> None:
        self.executed += 1
        if self.executed > self._limit:
            raise AssertionError(self._endless())
        definition = registry.find(claimed.name)
        assert definition is not None
        execution = Execution(
            claimed, definition, OneThreadHost(self._using, self._worker_id)
        )
        if execution.is_async:
            async_to_sync(running.arun)(execution)
        else:
            running.run(execution)

    def _endless(self) -> str:
        active = self._rows.active().values_list("name", flat=True)
        names = ", ".join(f"{n} × {name}" for name, n in Counter(active).most_common(5))
        return (
            f"After {self._limit} executions the workflows are not idle: {names}."
            " Does one start itself again, or sleep for no time in a loop?"
        )


class _Look:
    """What there is to do, by one cheap statement."""

    def __init__(self, using: str) -> None:
        connection, now = connections[using], clock.now()
        found = sql.fetch(connection, _LOOK.format(sql.table(Workflow)))
        self.statuses = {status for status, *_ in found}
        self.has_missed_deadlines = any(
            _has_come(deadline, now) for *_, deadline in found
        )
        self.ready = {
            name
            for status, name, run_after, *_ in found
            if status == Status.ENQUEUED and _has_come(run_after, now)
        }
        self.has_due_waits = any(
            status == Status.WAITING and _has_come(wake_at, now)
            for status, _, _, wake_at, _ in found
        )


_LOOK = """
    SELECT status, name, MIN(run_after), MIN(wake_at), MIN(deadline) FROM {}
    WHERE status IN ('ENQUEUED', 'PENDING', 'WAITING', 'PAUSED')
    GROUP BY status, name
"""


def _has_come(value: Any, now: datetime) -> bool:
    moment = sql.moment(value)
    return moment is not None and moment <= now


def _all_pairs() -> list[tuple[str, str]]:
    return _pairs(registry.all_definitions())


def _pairs(definitions: Iterable[registry.Definition]) -> list[tuple[str, str]]:
    is_pinned = conf.current().on_version_change == "pin"
    return [
        (definition.name, definition.version if is_pinned else ANY_VERSION)
        for definition in definitions
    ]
