"""Processes that execute workflows, and how long they may be silent."""

import os
import socket
import uuid
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import connections, models
from django.db.models.functions import Cast, Now
from django.utils.translation import gettext_lazy as _

from django_durable import conf
from django_durable.display import visible
from django_durable.models import compiled
from django_durable.models.compiled import Change, Rows, Selection
from django_durable.models.sql import database_now

# A heartbeat is late when so many were missed.
MISSED = 5


class WorkerQuerySet(models.QuerySet["Worker"]):
    """Workers by whether they still say that they live."""

    def live(self) -> "WorkerQuerySet":
        """Keep the workers whose lease has not run out."""
        return self.filter(
            state__in=Worker.LIVE_STATES, heartbeat_at__gte=self._lease_limit()
        )

    def expired(self) -> "WorkerQuerySet":
        """Keep the workers that were last heard of longer ago than a lease."""
        return self.filter(
            state__in=Worker.LIVE_STATES, heartbeat_at__lt=self._lease_limit()
        )

    def fresh(self, now: datetime) -> "WorkerQuerySet":
        """Keep the live ones whose last heartbeat is not late at ``now``."""
        return self.filter(
            state__in=Worker.LIVE_STATES, heartbeat_at__gt=now - Worker.fresh_for()
        )

    def lease_given(self) -> dict[str, Any]:
        """Return what fills the gap of ``live_given()``."""
        lease = timedelta(seconds=conf.current().lease)
        is_sqlite = connections[self.db].vendor == "sqlite"
        return {"lease": self.database_now() - lease if is_sqlite else lease}

    def declare_dead(self) -> int:
        """Mark the expired ones dead; return how many."""
        return _DECLARE_DEAD(self, **self.lease_given())

    def register(
        self,
        kind: "Worker.Kind",
        *,
        queues: Sequence[str] | None = None,
        definitions: Iterable[tuple[str, str]] = (),
        schedules: Iterable[str] = (),
        concurrency: int = 0,
        pid: int | None = None,
        rss_bytes: int | None = None,
    ) -> "Worker":
        """Insert a row for a process, this one by default, under a new id."""
        now = self.database_now()
        return self.create(
            host=socket.gethostname(),
            pid=os.getpid() if pid is None else pid,
            kind=kind,
            queues=None if queues is None else list(queues),
            definitions=[list(pair) for pair in definitions],
            schedules=list(schedules),
            concurrency=concurrency,
            started_at=now,
            heartbeat_at=now,
            rss_bytes=rss_bytes,
        )

    def beat(
        self, worker_id: uuid.UUID, *, rss_bytes: int | None = None
    ) -> datetime | None:
        """Renew a lease that has not run out; return the database's time.

        With it goes how much memory the process has resident, if that is known.
        None when the row is gone, expired or declared dead: its worker must
        drop what it executes and register anew.
        """
        now = self.database_now()
        given = {"worker": worker_id, "now": now, "rss_bytes": rss_bytes}
        return now if _BEAT(self, **given, **self.lease_given()) else None

    def is_alive(self, worker_id: uuid.UUID) -> bool:
        """Tell whether the lease of a worker still runs."""
        return bool(_ALIVE(self, worker=worker_id, **self.lease_given()))

    def drain(self, worker_id: uuid.UUID) -> bool:
        """Ask a worker to leave, which it reads with its next heartbeat.

        Returns whether there is a worker that can be asked: processes with direct
        calls end by themselves.
        """
        running = self.live().filter(pk=worker_id, state=Worker.State.RUNNING)
        asked = running.exclude(kind=Worker.Kind.DIRECT)
        return bool(asked.update(state=Worker.State.DRAINING))

    def is_to_drain(self, worker_id: uuid.UUID) -> bool:
        """Tell whether somebody has asked a worker to leave."""
        return self.filter(pk=worker_id, state=Worker.State.DRAINING).exists()

    def live_definitions(self) -> set[tuple[str, str]]:
        """Return the (name, version) pairs that some live worker can execute."""
        rows = self.live().exclude(kind=Worker.Kind.DIRECT)
        lists = rows.values_list("definitions", flat=True)
        return {(name, version) for pairs in lists for name, version in pairs}

    def live_schedules(self) -> set[str]:
        """Return the names of the schedules that some live worker declares."""
        lists = self.live().values_list("schedules", flat=True)
        return {name for names in lists for name in names or ()}

    def forget(self, *, older_than: timedelta) -> int:
        """Delete rows of workers that ended longer ago than ``older_than``."""
        limit = self.database_now() - older_than
        ended = self.exclude(state__in=Worker.LIVE_STATES)
        return ended.filter(heartbeat_at__lt=limit).delete()[0]

    def database_now(self) -> datetime:
        """Return the time by the clock of this queryset's database."""
        return database_now(connections[self.db])

    def _lease_limit(self) -> Any:
        lease = timedelta(seconds=conf.current().lease)
        if connections[self.db].vendor == "sqlite":
            return self.database_now() - lease
        return Now() - lease


def live_given(rows: Rows) -> Rows:
    """See live(); for a compiled statement, which ``lease_given()`` fills."""
    limit = _limit_given(rows.db)
    return rows.filter(state__in=Worker.LIVE_STATES, heartbeat_at__gte=limit)


def _limit_given(using: str) -> Any:
    if connections[using].vendor == "sqlite":
        return compiled.moment("lease")
    return Now() - Cast(compiled.duration("lease"), models.DurationField())


def _mine(rows: Rows) -> Rows:
    return live_given(rows).filter(pk=compiled.uuid("worker"))


def _expired(rows: Rows) -> Rows:
    limit = _limit_given(rows.db)
    return rows.filter(state__in=Worker.LIVE_STATES, heartbeat_at__lt=limit)


_ALIVE = Selection(lambda rows: _mine(rows).values_list("pk"))
_BEAT = Change(
    _mine,
    heartbeat_at=compiled.moment("now"),
    rss_bytes=compiled.number("rss_bytes"),
)
_DECLARE_DEAD = Change(_expired, state="dead")


class Worker(models.Model):
    """A process that holds leases: a worker, or one with direct calls."""

    class Kind(models.TextChoices):
        WORKER = "worker", _("worker")
        DIRECT = "direct", _("direct calls")
        QUARANTINE = "quarantine", _("quarantine")

    class State(models.TextChoices):
        RUNNING = "running", _("running")
        DRAINING = "draining", _("draining")
        STOPPED = "stopped", _("stopped")
        DEAD = "dead", _("dead")

    class Pulse(models.TextChoices):
        FRESH = "fresh", _("fresh")
        LATE = "late", _("late")
        LOST = "lost", _("lost")

    LIVE_STATES = (State.RUNNING, State.DRAINING)
    ANY_VERSION = "*"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    host = models.TextField(_("host"))
    pid = models.IntegerField(_("process id"))
    kind = models.CharField(_("kind"), max_length=16, choices=Kind)
    queues = models.JSONField(_("queues"), null=True, help_text=_("Null: all."))
    definitions = models.JSONField(_("definitions"), default=list)
    schedules = models.JSONField(
        _("schedules"), null=True, help_text=_("Null: unknown.")
    )
    concurrency = models.IntegerField(_("concurrency"), default=0)
    state = models.CharField(
        _("state"), max_length=16, choices=State, default=State.RUNNING
    )
    started_at = models.DateTimeField(_("started at"))
    heartbeat_at = models.DateTimeField(_("last heartbeat"))
    rss_bytes = models.BigIntegerField(
        _("resident memory in bytes"), null=True, help_text=_("Null: unknown.")
    )

    objects = WorkerQuerySet.as_manager()

    class Meta:
        verbose_name = _("worker")
        verbose_name_plural = _("workers")
        default_permissions = ("view",)
        indexes = [
            # live() and expired(): with each heartbeat and each recovery.
            models.Index(
                fields=["heartbeat_at"],
                name="durable_worker_live",
                condition=models.Q(state__in=["running", "draining"]),
            ),
        ]

    def __str__(self) -> str:
        return visible(f"{self.host}:{self.pid}", limit=200, lines=False)

    @classmethod
    def fresh_for(cls) -> timedelta:
        """Return how old a heartbeat may be that is not late."""
        settings = conf.current()
        # Late has to come well before lost where leases are short.
        halfway = (settings.heartbeat + settings.lease) / 2
        return timedelta(seconds=min(MISSED * settings.heartbeat, halfway))

    def pulse(self, now: datetime) -> "Worker.Pulse":
        """Return how lively it is at ``now``, by its last heartbeat alone."""
        silence = now - self.heartbeat_at
        if silence > timedelta(seconds=conf.current().lease):
            return self.Pulse.LOST
        return self.Pulse.FRESH if silence < self.fresh_for() else self.Pulse.LATE
