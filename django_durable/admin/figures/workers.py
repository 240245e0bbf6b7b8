"""Which workers there are, and when each was last heard of."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from django_durable.models import Worker

# Those that ended stay in the list for a while.
SHOWN = timedelta(hours=24)
MOST = 500
FRESH, LATE, LOST = Worker.Pulse
GONE = "gone"
WORDS = {**dict(Worker.Pulse.choices), GONE: _("stopped")}


@dataclass(frozen=True, slots=True)
class Crew:
    """The workers, the last heard of first, and how many slots they use."""

    workers: tuple[Any, ...]
    now: datetime
    held: Mapping[UUID, int]

    @property
    def fresh(self) -> tuple[Any, ...]:
        """Those that claim workflows and were heard of just now."""
        return tuple(each for each in self.serving if self.pulse(each) == FRESH)

    def of_queue(self, name: str) -> tuple[Any, ...]:
        """Those of the fresh ones that claim from a queue."""
        return tuple(
            each for each in self.fresh if each.queues is None or name in each.queues
        )

    @property
    def serving(self) -> tuple[Any, ...]:
        """Those that claim workflows and have not ended, as far as we know."""
        return tuple(
            each
            for each in self.workers
            if each.kind != Worker.Kind.DIRECT and each.state in Worker.LIVE_STATES
        )

    @property
    def definitions(self) -> set[tuple[str, str]]:
        """What the living ones have the code for."""
        living = [each for each in self.serving if self.pulse(each) in (FRESH, LATE)]
        return {(pair[0], pair[1]) for each in living for pair in each.definitions}

    @property
    def slots(self) -> int:
        """How many sync workflows they could execute at once."""
        return sum(each.concurrency for each in self.fresh)

    @property
    def used(self) -> int:
        """How many workflows they hold."""
        return sum(self.held.get(each.pk, 0) for each in self.fresh)

    def pulse(self, worker: Any) -> str:
        """Return "fresh", "late", "lost", or "gone" for one that has ended."""
        return pulse(worker, self.now)


def crew(using: str, now: datetime, held: Mapping[UUID, int]) -> Crew:
    """Read the workers that live, and those that were heard of today."""
    living = Q(state__in=Worker.LIVE_STATES)
    rows = Worker.objects.using(using).filter(living | Q(heartbeat_at__gt=now - SHOWN))
    return Crew(tuple(rows.order_by("-heartbeat_at")[:MOST]), now, held)


def pulse(worker: Worker, now: datetime) -> str:
    """Return how lively a worker is, in one of the four words."""
    if worker.state == Worker.State.STOPPED:
        return GONE
    return LOST if worker.state == Worker.State.DEAD else worker.pulse(now)
