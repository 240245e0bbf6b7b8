"""The worker: executes workflows, and lives no longer than it should."""

import logging
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from uuid import UUID

from django_durable import clock, conf
from django_durable.definitions import registry
from django_durable.execution import running
from django_durable.execution.checkpoints import CheckpointWriter
from django_durable.execution.execution import Execution
from django_durable.execution.journal import Journals
from django_durable.execution.lease import Lease
from django_durable.models import Worker as WorkerRow, Workflow, faults
from django_durable.models.claims import Claimed
from django_durable.models.code import ANY_VERSION
from django_durable.models.connection import are_scarce, give_back
from django_durable.names import check_queue_name
from django_durable.worker import farewell
from django_durable.worker.dispatcher import Dispatcher
from django_durable.worker.host import WorkerHost
from django_durable.worker.housekeeping import Housekeeping
from django_durable.worker.memory import resident_bytes
from django_durable.worker.quarantine import Quarantine, has_come_so_far
from django_durable.worker.scheduling import Scheduling
from django_durable.worker.slots import HelperThreads, LoopSlots, ThreadSlots

logger = logging.getLogger("django_durable")

# A lease is not renewed when the loop of the worker has not turned for so long.
STUCK_SECONDS = 30.0
# Definitions that come with the package are no news.
OURS = "django_durable."
# Threads for the engine's own queries on behalf of async workflows.
QUERY_THREADS = 4
# How often a stopping worker looks whether its executions have left.
DRAIN_LOOK_SECONDS = 0.02


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
        self._is_alone = alone is not None
        self.is_asked_to_leave = False
        self._stopping = threading.Event()
        self._gone = threading.Event()
        self._executions: set[Execution] = set()
        self._definitions = _definitions_at_hand()
        sync = _size("concurrency", concurrency, settings.concurrency)
        many = _size("async_concurrency", async_concurrency, settings.async_concurrency)
        self.helpers = HelperThreads(self.using, sync)
        self.queries = HelperThreads(self.using, QUERY_THREADS, "durable-query")
        self._threads = ThreadSlots(self.using, sync, self._on_free)
        # What the code of workflows runs in threads must not starve their steps.
        self._users = HelperThreads(self.using, sync, "durable-user")
        self._tasks = LoopSlots(many, self._users, self._on_free)
        # Outcomes take longer, since they wake others: steps do not wait for them.
        self.steps = CheckpointWriter(self.using, lambda: self.is_gone)
        self.outcomes = CheckpointWriter(self.using, lambda: self.is_gone)
        self._housekeeping = Housekeeping(self.using)
        self._schedules = Scheduling(self.using)
        self._quarantine = Quarantine(self.using, self.drain_seconds)
        self._lease = Lease(
            self.using,
            WorkerRow.Kind.QUARANTINE if alone else WorkerRow.Kind.WORKER,
            queues=self.queues,
            definitions=self.pairs(),
            schedules=[] if self._is_alone else self._schedules.names,
            concurrency=sync,
            is_ticking=self._is_ticking,
            on_lost=self._drop_everything,
            after_beat=self._after_beat,
            resident_bytes=resident_bytes,
        )
        self._dispatcher = Dispatcher(
            self.using,
            self,
            self._lease,
            queues=self.queues,
            alone=alone,
            stopping=self._stopping,
            schedules=self._schedules,
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
    def is_busy(self) -> bool:
        """Tell whether it executes anything."""
        return bool(self._executions)

    @property
    def is_idle(self) -> bool:
        """Tell whether the last look found nothing to do, and nothing runs."""
        return self._dispatcher.is_idle and not self._executions

    def start(self) -> None:
        """Register, and begin to claim in a background thread."""
        give_up = self._stopping.is_set
        opened = faults.retry_patiently(self.using, self._lease.open, give_up=give_up)
        if self._is_alone:
            faults.retry_patiently(
                self.using,
                lambda: has_come_so_far(self.using, opened),
                give_up=give_up,
            )
        logger.info(
            "Worker %s started: %d workflow definitions, queues %s",
            self.worker_id,
            sum(not name.startswith(OURS) for name, *_ in self._definitions),
            ", ".join(self.queues) if self.queues is not None else "all",
            extra=self._lease.facts,
        )
        faults.retry_patiently(self.using, self._take_up, give_up=give_up)
        self._dispatcher.start()

    def request_stop(self) -> None:
        """Claim nothing more and let executions leave; returns at once."""
        self._stopping.set()
        self._dispatcher.ring()
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
            self._gone.wait(DRAIN_LOOK_SECONDS)
        has_drained = not self._executions
        self._gone.set()
        self._lease.end()
        farewell.say(self.using, self._leave_rows)
        self._close()
        logger.info("Worker %s stopped", self.worker_id, extra=self._lease.facts)
        return has_drained

    def note_timer(self, wake_at: datetime | None) -> None:
        """Know of a timer that an execution of this worker has left behind."""
        if wake_at is not None:
            self._dispatcher.note_timer(wake_at)

    def free_slots(self, *, is_async: bool) -> int:
        """Return how many executions of a kind could begin now."""
        return (self._tasks if is_async else self._threads).free

    @contextmanager
    def tracking(self, execution: Execution) -> Iterator[None]:
        """Know an execution while it runs."""
        self._executions.add(execution)
        if self._stopping.is_set():
            execution.hand_over()
        try:
            yield
        finally:
            # What it left behind has not been looked at.
            self._dispatcher.is_idle = False
            self._executions.discard(execution)
            self._dispatcher.place_is_free(execution.claimed.queue_name)

    def pairs(self, *, is_async: bool | None = None) -> list[tuple[str, str]]:
        """Return the (name, version) pairs that this worker can execute."""
        is_pinned = conf.current().on_version_change == "pin"
        return [
            (name, version if is_pinned else ANY_VERSION)
            for name, version, kind in self._definitions
            if is_async is None or kind is is_async
        ]

    def begin(self, row: Claimed, journals: Journals | None = None) -> None:
        """Execute a claimed workflow in a free slot."""
        definition = registry.find(row.name)
        if definition is None:
            reason = f"This worker has no workflow named {row.name!r}."
            Workflow.objects.using(self.using).pause(row, reason)
            return
        execution = Execution(row, definition, WorkerHost(self))
        execution.journals = journals
        self._executions.add(execution)
        try:
            if definition.is_async:
                self._tasks.run(lambda: self._arun(execution))
            else:
                self._threads.run(lambda: self._run(execution))
        except BaseException:
            self._executions.discard(execution)
            raise

    def _run(self, execution: Execution) -> None:
        faults.check_connections()
        try:
            running.run(execution)
        except BaseException as error:
            failure = error
            execution.host.query(lambda: self._pause(execution, failure))
            raise
        finally:
            give_back()

    async def _arun(self, execution: Execution) -> None:
        try:
            await running.arun(execution)
        except Exception as error:
            failure = error
            await execution.host.aquery(lambda: self._pause(execution, failure))
            raise

    def _pause(self, execution: Execution, error: BaseException) -> None:
        """Hold nothing whose end could not be written: a person must look."""
        reason = f"The execution ended in an unexpected way: {error!r}"
        Workflow.objects.using(self.using).pause(execution.claimed, reason)

    def _on_free(self) -> None:
        self._dispatcher.slot_is_free()

    def _is_ticking(self) -> bool:
        return clock.monotonic() - self._dispatcher.ticked_at < STUCK_SECONDS

    def _take_up(self) -> None:
        """Take up, once, what an earlier worker's code could not execute.

        And what earlier workers left: this one may not live to a heartbeat. And
        tell of the schedules that this code declares.
        """
        rows = Workflow.objects.using(self.using)
        rows.unpause(self.pairs(), before=self._lease.opened_at)
        self._housekeeping.tidy()
        if not self._is_alone:
            self._schedules.declare()

    def _after_beat(self) -> None:
        if not self._stopping.is_set() and self._lease.is_to_drain():
            logger.info("Worker %s was asked to leave", self.worker_id)
            self.is_asked_to_leave = True
            self.request_stop()
        if are_scarce() and not self.is_gone:
            for threads in (self.helpers, self.queries, self._users):
                threads.spare()
        if self._housekeeping.tidy():
            self._dispatcher.ring()
        if not self._is_alone and not self._stopping.is_set():
            self._quarantine.look(self.pairs(), self.queues)

    def _drop_everything(self) -> None:
        """The lease was lost: what is held here is somebody else's by now."""
        for execution in list(self._executions):
            execution.abandon()

    def _leave_rows(self) -> None:
        if self.worker_id is None:
            return
        taken = Workflow.objects.using(self.using).take_away(self.worker_id)
        if taken:
            left = "%d workflows were put back while they ran"
            logger.warning(left, taken, extra=self._lease.facts)
        self._lease.mark(WorkerRow.State.STOPPED)

    def _close(self) -> None:
        self._quarantine.close()
        self.steps.close()
        self.outcomes.close()
        self._threads.close()
        self.helpers.close()
        self._users.close()  # Before the loop, which would shut them down.
        self._tasks.close()
        self.queries.close()
        self._dispatcher.join(2)
        if not self._executions:
            self._threads.join(1)
            self._tasks.join(1)


def _definitions_at_hand() -> list[tuple[str, str, bool]]:
    return [
        (definition.name, definition.version, definition.is_async)
        for definition in registry.all_definitions()
    ]


def _patience(seconds: float) -> float:
    if not 0 <= seconds < float("inf"):
        raise ValueError(f"drain must be 0 or more seconds, not {seconds!r}.")
    return seconds


def _size(name: str, given: int | None, default: int) -> int:
    size = default if given is None else given
    if isinstance(size, bool) or not isinstance(size, int) or size < 1:
        raise ValueError(f"{name} must be an int from 1 up, not {size!r}.")
    return size
