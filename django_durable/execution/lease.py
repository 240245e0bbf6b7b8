"""A lease: the row that says "this process lives", and the thread that renews it."""

import logging
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from uuid import UUID

from django.db import DatabaseError, InterfaceError, connections

from django_durable import clock, conf, signals
from django_durable.models import Worker, faults
from django_durable.models.connection import note_refusal, reserve_connection

logger = logging.getLogger("django_durable")

# How long an opened lease waits for its heart.
BEGIN_SECONDS = 5.0


class Lease:
    """Registers a worker and renews it with each heartbeat.

    ``is_ticking`` tells whether the executor's own loops still run: without
    that, a process that is stuck would look alive. ``on_lost`` is called when
    the row had expired: everything held under it is somebody else's by now.
    ``after_beat`` runs on the heartbeat's own connection. ``resident_bytes``
    measures the memory that each heartbeat tells of.
    """

    def __init__(
        self,
        using: str,
        kind: Worker.Kind,
        *,
        queues: Sequence[str] | None = None,
        definitions: Iterable[tuple[str, str]] = (),
        schedules: Iterable[str] = (),
        concurrency: int = 0,
        is_ticking: Callable[[], bool] = lambda: True,
        on_lost: Callable[[], None] = lambda: None,
        after_beat: Callable[[], None] = lambda: None,
        resident_bytes: Callable[[], int | None] = lambda: None,
    ) -> None:
        self.using = using
        self.worker_id: UUID | None = None
        self.opened_at = clock.now()
        self._kind = kind
        self._queues = queues
        self._definitions = list(definitions)
        self._schedules = list(schedules)
        self._concurrency = concurrency
        self._is_ticking = is_ticking
        self._on_lost = on_lost
        self._after_beat = after_beat
        self._resident_bytes = resident_bytes
        self._closing = threading.Event()
        self._has_begun = threading.Event()
        self._renewing = threading.Lock()
        self._thread: threading.Thread | None = None
        self._renewed_at = 0.0

    @property
    def facts(self) -> dict[str, str]:
        """What log records say of this worker."""
        return {"worker_id": str(self.worker_id or "")}

    @property
    def is_held(self) -> bool:
        """Tell whether the lease has not run out, as far as is known here.

        After a long freeze this is known before the next heartbeat says it.
        """
        return clock.monotonic() - self._renewed_at < conf.current().lease

    def open(self) -> UUID:
        """Register, and renew in the background until ``close()``."""
        worker_id = self._register()
        self._thread = threading.Thread(
            target=self._run, name="durable-heartbeat", daemon=True
        )
        self._thread.start()
        # Before anything is claimed: later, the last connections may be gone.
        self._has_begun.wait(BEGIN_SECONDS)
        return worker_id

    def close(self) -> None:
        """End the lease and say so; what is still held counts as abandoned."""
        self.end()
        self.mark(Worker.State.STOPPED)

    def end(self) -> None:
        """Renew the lease no longer."""
        self._closing.set()
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout=1)
        signals.tell(
            signals.worker_stopped, worker_id=self.worker_id, kind=self._kind.value
        )

    def mark(self, state: Worker.State) -> None:
        """Show the state of the process, if the database takes it."""
        try:
            workers = Worker.objects.using(self.using)
            if self.worker_id is not None:
                workers.filter(pk=self.worker_id).update(state=state)
        except Exception as error:
            unmarked = "Worker %s could not be marked: %s"
            logger.warning(unmarked, self.worker_id, error, extra=self.facts)

    def renew(self) -> None:
        """Register anew, unless somebody else just did, after a lost row."""
        with self._renewing:
            if not self.is_alive():
                self._on_lost()
                self._register()

    def is_to_drain(self) -> bool:
        """Ask the database whether this worker was asked to leave."""
        workers, worker_id = Worker.objects.using(self.using), self.worker_id
        return worker_id is not None and workers.is_to_drain(worker_id)

    def is_alive(self) -> bool:
        """Ask the database whether the lease still runs."""
        workers, worker_id = Worker.objects.using(self.using), self.worker_id
        return worker_id is not None and workers.is_alive(worker_id)

    def beat(self) -> None:
        """Renew the lease now; register anew when it had run out."""
        if not self._is_ticking():
            stuck = "The worker's loops are stuck: its lease is not renewed"
            logger.error(stuck, extra=self.facts)
            return
        assert self.worker_id is not None
        asked_at = clock.monotonic()
        workers = Worker.objects.using(self.using)
        database_time = workers.beat(self.worker_id, rss_bytes=self._resident_bytes())
        if database_time is not None:
            self._renewed_at = asked_at
            self._take_the_time()
        elif not self._closing.is_set():
            expired = "The lease of worker %s had run out"
            logger.warning(expired, self.worker_id, extra=self.facts)
            kind = self._kind.value
            signals.tell(signals.lease_lost, worker_id=self.worker_id, kind=kind)
            self.renew()
        self._after_beat()

    def _register(self) -> UUID:
        asked_at = clock.monotonic()
        workers = Worker.objects.using(self.using)
        row = workers.register(
            self._kind,
            queues=self._queues,
            definitions=self._definitions,
            schedules=self._schedules,
            concurrency=self._concurrency,
            rss_bytes=self._resident_bytes(),
        )
        self.worker_id = row.pk
        self._renewed_at = asked_at
        self.opened_at = row.started_at
        self._take_the_time()
        signals.tell(signals.worker_started, worker_id=row.pk, kind=self._kind.value)
        return self.worker_id

    def _take_the_time(self) -> None:
        """Set the clock, by itself: a beat may have had to wait for a lock."""
        asked_at = clock.monotonic()
        database_time = Worker.objects.using(self.using).database_now()
        clock.synchronize(database_time, asked_at=asked_at)

    def _begin(self) -> None:
        """Take the connection of the heartbeats; a beat tries again if need be."""
        with suppress(DatabaseError, InterfaceError):
            connections[self.using].ensure_connection()
        self._has_begun.set()

    def _run(self) -> None:
        reserve_connection(self.using)
        tries = 0
        try:
            self._begin()
            while not self._closing.wait(conf.current().heartbeat if not tries else 0):
                try:
                    self.beat()
                    tries = 0
                except Exception as error:
                    tries += 1
                    if tries == 1:
                        failed = "A heartbeat failed: %s"
                        logger.warning(failed, error, extra=self.facts)
                    note_refusal(error)
                    faults.drop_broken(self.using)
                    self._closing.wait(faults.pause_seconds(tries + 3))
        finally:
            connections[self.using].close()
