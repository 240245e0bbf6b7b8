"""Direct mode: workflows on the caller's own thread and connection."""

import atexit
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from asgiref.sync import sync_to_async
from django.db import DatabaseError, InterfaceError, connections

from django_durable import clock, conf
from django_durable.exceptions import WaitImpossible
from django_durable.execution.checkpoints import publish_alone
from django_durable.execution.lease import Lease
from django_durable.models import Step, Worker, Workflow, faults
from django_durable.models.checkpoint import Checkpoint, Recorded, Verdict
from django_durable.models.outcome import Outcome
from django_durable.models.publication import Publication

T = TypeVar("T")

# How long the lease outlives the last direct call: the next one finds it.
LINGER_SECONDS = 30.0


class DirectHost:
    """The caller's thread: a wait blocks it, a transaction of its own contains all."""

    can_suspend = False
    passes_through: tuple[type[BaseException], ...] = (KeyboardInterrupt,)

    def __init__(self, using: str, worker_id: UUID | None) -> None:
        self.using = using
        self.worker_id = worker_id
        # Nobody else sees what a transaction of the caller's holds.
        self.has_background = worker_id is not None

    def record(self, checkpoint: Checkpoint) -> Recorded:
        steps = Step.objects.using(self.using)
        return self.query(lambda: steps.record([checkpoint]))[0]

    async def arecord(self, checkpoint: Checkpoint) -> Recorded:
        return await sync_to_async(self.record)(checkpoint)

    def finish(self, outcome: Outcome) -> Recorded:
        rows = Workflow.objects.using(self.using)

        def finish() -> Recorded:
            with rows.locked(outcome.workflow_id):
                return rows.finish([outcome])[0]

        recorded = self.query(lambda: rows.finish([outcome]))[0]
        if recorded.verdict is Verdict.BUSY:
            recorded = self.query(finish)
        return recorded

    async def afinish(self, outcome: Outcome) -> Recorded:
        return await sync_to_async(self.finish)(outcome)

    def publish(self, row: Publication) -> Recorded:
        steps = Step.objects.using(self.using)
        recorded = self.query(lambda: steps.publish([row]))[0]
        if recorded.verdict is Verdict.BUSY:
            recorded = self.query(lambda: publish_alone(self.using, row))
        return recorded

    async def apublish(self, row: Publication) -> Recorded:
        return await sync_to_async(self.publish)(row)

    def query(self, work: Callable[[], T]) -> T:
        """Do database work; outside of transactions, again after a fault."""
        if self._is_inside_transaction:
            return work()
        give_up_at = clock.monotonic() + conf.current().lease
        tries = 0
        while True:
            try:
                return work()
            except (DatabaseError, InterfaceError) as error:
                if not faults.is_transient(error) or clock.monotonic() > give_up_at:
                    raise
                faults.drop_broken(self.using)
                threading.Event().wait(faults.pause_seconds(tries))
                tries += 1

    async def aquery(self, work: Callable[[], T]) -> T:
        return await sync_to_async(self.query)(work)

    async def in_thread(self, call: Callable[[], T]) -> T:
        # The one thread that Django keeps for sync code: its connection is the
        # caller's own, with the caller's transaction.
        return await sync_to_async(call, thread_sensitive=True)()

    def hot_seconds(self, *, is_async: bool) -> float:
        return float("inf")

    def check_wait(self, what: str) -> None:
        # On an event loop's thread the caller's connection cannot be asked; but
        # a host without a lease was made inside the caller's transaction.
        if self.worker_id is None or self._is_inside_transaction:
            raise WaitImpossible(
                what,
                "The workflow was called inside atomic(), so it would hold that"
                " transaction while it waits. Call it outside, or start() it.",
            )

    def note_timer(self, wake_at: datetime | None) -> None:
        """Timers are the workers' business."""

    def side_by_side(self, calls: Sequence[Callable[[], Any]]) -> None:
        for call in calls:
            call()

    @contextmanager
    def tracking(self, execution: Any) -> Iterator[None]:
        _lease.executions.add(execution)
        try:
            yield
        finally:
            _lease.executions.discard(execution)

    @property
    def _is_inside_transaction(self) -> bool:
        return connections[self.using].in_atomic_block


class DirectLease:
    """The lease of this process for its direct calls, while there are any."""

    def __init__(self) -> None:
        self.executions: set[Any] = set()
        self._lock = threading.Lock()
        self._lease: Lease | None = None
        self._pid = os.getpid()
        self._idle_since = 0.0

    def worker_id(self, using: str) -> UUID:
        """Return the id under which direct calls are held, registered if need be."""
        with self._lock:
            if self._pid != os.getpid():  # After a fork the parent keeps its own.
                self._pid, self._lease = os.getpid(), None
                self.executions = set()
            self._idle_since = clock.monotonic()
            if self._lease is None or self._lease.using != using:
                self._lease = Lease(
                    using,
                    Worker.Kind.DIRECT,
                    on_lost=self._abandon,
                    after_beat=self._close_when_idle,
                )
                self._lease.open()
            elif not self._lease.is_alive():
                self._lease.renew()
            assert self._lease.worker_id is not None
            return self._lease.worker_id

    def close(self) -> None:
        """End the lease, at the end of the process or of a test."""
        with self._lock:
            lease, self._lease = self._lease, None
        if lease is not None and self._pid == os.getpid():
            lease.close()

    def _abandon(self) -> None:
        for execution in list(self.executions):
            execution.abandon()

    def _close_when_idle(self) -> None:
        with self._lock:
            if self.executions:
                self._idle_since = clock.monotonic()
            if clock.monotonic() - self._idle_since <= LINGER_SECONDS:
                return
            lease, self._lease = self._lease, None
        if lease is not None:
            lease.close()


_lease = DirectLease()
atexit.register(_lease.close)


def direct_host(using: str) -> DirectHost:
    """Return a host for a call from this thread.

    Outside of ``atomic()`` the process holds a lease, so that a crash is
    recovered by the workers; inside, the rows are nobody else's to see.
    """
    if connections[using].in_atomic_block:
        return DirectHost(using, None)
    return DirectHost(using, _lease.worker_id(using))


def close_lease() -> None:
    """End this process's lease for direct calls."""
    _lease.close()
