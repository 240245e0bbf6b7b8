"""The worker: claims workflows and executes them."""

import logging
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from uuid import UUID

from django.db import DatabaseError, InterfaceError, connections

from django_durable import clock, conf, signals
from django_durable.definitions import registry
from django_durable.definitions.options import check_queue_name
from django_durable.execution import running
from django_durable.execution.checkpoints import CheckpointWriter
from django_durable.execution.execution import Execution
from django_durable.execution.lease import Lease
from django_durable.models import Worker as WorkerRow
from django_durable.models import Workflow, faults
from django_durable.models.claims import Claimed
from django_durable.models.code import ANY_VERSION
from django_durable.models.connection import reserve_connection
from django_durable.wakeup import Bell, hub
from django_durable.worker import farewell
from django_durable.worker.host import WorkerHost
from django_durable.worker.housekeeping import Housekeeping
from django_durable.worker.quarantine import Quarantine
from django_durable.worker.slots import HelperThreads, LoopSlots, ThreadSlots

logger = logging.getLogger("django_durable")

# A lease is not renewed when the loop of the worker has not turned for so long.
STUCK_SECONDS = 30.0
# Threads for the engine's own queries on behalf of async workflows.
QUERY_THREADS = 4


class Worker:
    """Executes workflows in the background of this process.

    ``queues``: names, None for all. ``concurrency``: threads for sync
    workflows; ``async_concurrency``: async ones at a time; ``drain``: seconds
    that executions get to reach their next step when the worker stops. Each
    defaults to the setting of its name. As a context manager it starts on
    entry and stops on exit. ``alone`` names the first suspect of a quarantine.
    """

    def __init__(
        self,
        *,
        queues: Sequence[str] | None = None,
        concurrency: int | None = None,
        async_concurrency: int | None = None,
        drain: float | None = None,
        alone: str | None = None,
    ) -> None:
        settings = conf.current()
        self.using = settings.database
        self.queues = None if queues is None else [check_queue_name(q) for q in queues]
        self.drain_seconds = settings.drain if drain is None else _patience(drain)
        self._alone = alone
        self._stopping = threading.Event()
        self._gone = threading.Event()
        self._look_again = threading.Event()
        self._executions: set[Execution] = set()
        self._timer_at = 0.0
        self._ticked_at = clock.monotonic()
        self._is_idle = False
        # The claim under way: when its answer is lost, nobody knows what it took.
        self._doubtful: tuple[UUID, datetime] | None = None
        self._bell: Bell | None = None
        self._is_rung = False
        self._thread: threading.Thread | None = None
        self._definitions = _definitions_at_hand()
        sync = _size("concurrency", concurrency, settings.concurrency)
        many = _size("async_concurrency", async_concurrency, settings.async_concurrency)
        self.helpers = HelperThreads(self.using, sync)
        self.queries = HelperThreads(self.using, QUERY_THREADS, "durable-query")
        self._threads = ThreadSlots(self.using, sync, self.ring)
        self._tasks = LoopSlots(many, self.helpers, self.ring)
        self._writer = CheckpointWriter(self.using, lambda: self.is_gone)
        self._housekeeping = Housekeeping(self.using)
        self._quarantine = Quarantine(self.using, self.drain_seconds)
        self._lease = Lease(
            self.using,
            WorkerRow.Kind.QUARANTINE if alone else WorkerRow.Kind.WORKER,
            queues=self.queues,
            definitions=self.pairs(),
            concurrency=sync,
            is_ticking=lambda: clock.monotonic() - self._ticked_at < STUCK_SECONDS,
            on_lost=self._drop_everything,
            after_beat=self._after_beat,
        )

    def __enter__(self) -> "Worker":
        self.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.stop()

    @property
    def worker_id(self) -> UUID | None:
        """The id of this worker's row."""
        return self._lease.worker_id

    @property
    def is_gone(self) -> bool:
        """Tell whether nothing this worker started may write any more."""
        return self._gone.is_set()

    @property
    def is_idle(self) -> bool:
        """Tell whether the last look found nothing to do, and nothing runs."""
        return self._is_idle and not self._executions

    def start(self) -> None:
        """Register, and begin to claim in a background thread."""
        faults.retry_patiently(
            self.using, self._lease.open, give_up=self._stopping.is_set
        )
        logger.info(
            "Worker %s started: %d workflow definitions, queues %s",
            self.worker_id,
            len(self._definitions),
            ", ".join(self.queues) if self.queues is not None else "all",
        )
        faults.retry_patiently(self.using, self._take_up, give_up=self._stopping.is_set)
        self._thread = threading.Thread(
            target=self._dispatch, name="durable-dispatcher", daemon=True
        )
        self._thread.start()

    def request_stop(self) -> None:
        """Claim nothing more and let executions leave; returns at once."""
        self._stopping.set()
        self.ring()
        for execution in list(self._executions):
            execution.hand_over()

    def stop(self) -> bool:
        """Stop; return whether every execution has left by itself.

        Those that have not within ``drain`` seconds are put back under new
        claims, uncounted: what they still write is refused.
        """
        self.request_stop()
        self._quarantine.request_stop()
        farewell.say(self.using, lambda: self._lease.mark(WorkerRow.State.DRAINING))
        give_up_at = clock.monotonic() + self.drain_seconds
        while self._executions and clock.monotonic() < give_up_at:
            self._look_again.wait(0.02)
        has_drained = not self._executions
        self._gone.set()
        farewell.say(self.using, self._take_away)
        self._close()
        logger.info("Worker %s stopped", self.worker_id)
        return has_drained

    def ring(self) -> None:
        """Make the dispatcher look."""
        if (bell := self._bell) is not None:
            bell.ring()

    def note_timer(self, wake_at: datetime | None) -> None:
        """Know of a timer that an execution of this worker has left behind."""
        if wake_at is not None:
            self._set_timer(wake_at)
            self.ring()

    def has_free_slot(self, *, is_async: bool) -> bool:
        """Tell whether a waiting execution takes nobody's place."""
        return (self._tasks if is_async else self._threads).free > 0

    @contextmanager
    def tracking(self, execution: Execution) -> Iterator[None]:
        """Know an execution while it runs."""
        self._executions.add(execution)
        if self._stopping.is_set():
            execution.hand_over()
        try:
            yield
        finally:
            self._is_idle = False  # What it left behind has not been looked at.
            self._executions.discard(execution)

    def pairs(self) -> list[tuple[str, str]]:
        """Return the (name, version) pairs that this worker can execute."""
        if conf.current().on_version_change == "continue":
            return [(name, ANY_VERSION) for name in self._definitions]
        return list(self._definitions.items())

    def _dispatch(self) -> None:
        reserve_connection(self.using)
        tries = 0
        with Bell(hub, [signals.QUEUE]) as bell:
            self._bell = bell
            while not self._stopping.is_set():
                self._ticked_at = clock.monotonic()
                try:
                    seconds = self._look()
                    tries = 0
                except (DatabaseError, InterfaceError) as error:
                    tries += 1
                    seconds = faults.pause_seconds(tries + 3)
                    if tries in (1, 10):
                        logger.warning("Claiming failed, trying on: %s", error)
                    faults.drop_broken(self.using)
                self._is_rung = bell.wait(seconds)
        connections[self.using].close()

    def _look(self) -> float:
        """Start what is ready; return how long to rely on being rung."""
        if self._alone is not None:
            return self._look_alone()
        rows = Workflow.objects.using(self.using)
        now = clock.monotonic()
        if now >= self._timer_at:
            rows.wake_due()
            self._timer_at = now + hub.look_seconds
            self._set_timer(rows.next_due())
        found = self._claim(is_async=False) + self._claim(is_async=True)
        self._is_idle = not found
        if found:
            return 0.0
        if self._is_rung:  # Perhaps by a workflow that was started for later.
            self._set_timer(rows.next_due())
        return min(hub.look_seconds, max(0.001, self._timer_at - clock.monotonic()))

    def _claim(self, *, is_async: bool) -> int:
        free = (self._tasks if is_async else self._threads).free
        names = {
            definition.name
            for definition in registry.all_definitions()
            if definition.is_async is is_async
        }
        pairs = [pair for pair in self.pairs() if pair[0] in names]
        # What is claimed under a lease that has run out counts as abandoned.
        may_claim = self._lease.is_held and not self._stopping.is_set()
        if not pairs or free < 1 or not may_claim:
            return 0
        assert self.worker_id is not None
        host = WorkerHost(self, self._writer)
        rows = Workflow.objects.using(self.using)
        if self._doubtful is not None:
            rows.disown(*self._doubtful)
        self._doubtful = self.worker_id, clock.now()
        claimed = rows.claim(
            self.worker_id,
            pairs,
            limit=free,
            queues=self.queues,
            now=self._doubtful[1],
        )
        self._doubtful = None
        for row in claimed:
            self._begin(row, host)
        return len(claimed)

    def _look_alone(self) -> float:
        """Take suspects, one after the other; stop when there are none."""
        assert self.worker_id is not None
        assert self._alone is not None
        rows = Workflow.objects.using(self.using)
        host = WorkerHost(self, self._writer)
        while self._alone and not self._executions and not self._stopping.is_set():
            for row in rows.claim_suspect(self.worker_id, self._alone, self.pairs()):
                self._begin(row, host)
            if not self._executions:  # It has ended, or somebody else has it.
                self._alone = rows.first_suspect(self.pairs(), self.queues) or ""
        self._is_idle = not self._executions
        return 0.05

    def _begin(self, row: Claimed, host: WorkerHost) -> None:
        definition = registry.find(row.name)
        if definition is None:
            reason = f"This worker has no workflow named {row.name!r}."
            rows = Workflow.objects.using(self.using)
            rows.pause(row.id, row.claim, reason=reason)
            return
        execution = Execution(row, definition, host)
        signals.tell(
            signals.workflow_started,
            workflow_id=row.id,
            name=row.name,
            claim=row.claim,
        )
        self._executions.add(execution)
        if definition.is_async:
            self._tasks.run(lambda: running.arun(execution))
        else:
            self._threads.run(lambda: self._run(execution))

    def _run(self, execution: Execution) -> None:
        faults.check_connections()
        try:
            running.run(execution)
        finally:
            faults.return_to_pool()

    def _take_up(self) -> None:
        """Take up, once, what an earlier worker's code could not execute.

        And what earlier workers left: this one may not live to a heartbeat.
        """
        rows = Workflow.objects.using(self.using)
        rows.unpause(self.pairs(), before=self._lease.opened_at)
        self._housekeeping.tidy()

    def _after_beat(self) -> None:
        if self._housekeeping.tidy():
            self.ring()
        if self._alone is None and not self._stopping.is_set():
            self._quarantine.look(self.pairs(), self.queues)

    def _drop_everything(self) -> None:
        """The lease was lost: what is held here is somebody else's by now."""
        for execution in list(self._executions):
            execution.abandon()

    def _take_away(self) -> None:
        if self.worker_id is None:
            return
        taken = Workflow.objects.using(self.using).take_away(self.worker_id)
        if taken:
            logger.warning("%d workflows were put back while they ran", taken)

    def _close(self) -> None:
        self._lease.end()
        farewell.say(self.using, lambda: self._lease.mark(WorkerRow.State.STOPPED))
        self._quarantine.close()
        self._writer.close()
        self._threads.close()
        self.helpers.close()  # Before the loop, which would shut them down.
        self._tasks.close()
        self.queries.close()
        if self._thread is not None:
            self._thread.join(timeout=2)
        if not self._executions:
            self._threads.join(1)
            self._tasks.join(1)

    def _set_timer(self, moment: datetime | None) -> None:
        if moment is not None:
            seconds = (moment - clock.now()).total_seconds()
            self._timer_at = min(self._timer_at, clock.monotonic() + seconds)


def _definitions_at_hand() -> dict[str, str]:
    return {
        definition.name: definition.version for definition in registry.all_definitions()
    }


def _patience(seconds: float) -> float:
    if not 0 <= seconds < float("inf"):
        raise ValueError(f"drain must be 0 or more seconds, not {seconds!r}.")
    return seconds


def _size(name: str, given: int | None, default: int) -> int:
    size = default if given is None else given
    if isinstance(size, bool) or not isinstance(size, int) or size < 1:
        raise ValueError(f"{name} must be an int from 1 up, not {size!r}.")
    return size
