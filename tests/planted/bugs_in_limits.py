"""Bugs in the limits of queues: in what is counted, and in who looks again."""

import math
from typing import Any

from django_durable.execution.waiting import Waiter
from django_durable.models import claims, heads, sql, usage
from django_durable.models.claims import ClaimQuerySet
from django_durable.models.queue import Queue
from django_durable.models.status import Status
from django_durable.models.usage import Usage
from django_durable.worker.held_queues import HeldQueues
from tests.planted.bugs_in_models import is_claim, rewriting
from tests.planted.planting import bug


def changing(real: Any, old: str, new: str) -> Any:
    """Return a way to execute claims in which a piece is another one."""
    return rewriting(real, is_claim, old, new)


# On PostgreSQL, in one statement.


@bug(sql, "fetch")
def limited_claim_that_does_not_compare_numbers(real):
    """Take what was counted although somebody else has claimed since."""
    return changing(real, "AND q.claims = room.claims", "")


@bug(sql, "fetch")
def limited_claim_that_raises_no_number(real):
    """Do not let others see that something was taken since they have counted."""
    return changing(real, "SET claims = q.claims + 1", "SET claims = q.claims")


@bug(sql, "fetch")
def limited_claim_that_locks_no_queue(real):
    """Take beside somebody else whose claim has not committed."""
    return changing(real, "FOR NO KEY UPDATE OF q SKIP LOCKED", "")


@bug(sql, "fetch")
def limited_claim_that_takes_one_more(real):
    """Take one more than may be executed at once."""
    return changing(real, "concurrency - COALESCE", "concurrency + 1 - COALESCE")


@bug(sql, "fetch")
def window_that_notes_nothing(real):
    """Start without writing it down."""
    return changing(real, "number FROM begun\n", "number FROM begun WHERE FALSE\n")


@bug(sql, "fetch")
def window_that_begins_anew_with_each_start(real):
    """Forget what has started as soon as something else does."""
    return changing(real, "- begun.length - begun.margin", "")


# On SQLite, in a transaction.


@bug(Usage, "places")
def usage_that_leaves_one_place_more(real):
    """Let one more be executed than may be at once."""
    return property(lambda self: None if (n := real.fget(self)) is None else n + 1)


@bug(heads, "note_starts")
def starts_that_are_not_noted(real):
    """Start without writing it down, on SQLite."""
    return lambda *args: None


@bug(usage, "_FORGET")
def starts_that_are_forgotten_at_once(real):
    """Drop with each start all that has started, on SQLite."""
    return "DELETE FROM django_durable_queuestart WHERE %s NOT IN (%s, %s)"


# On both.


@bug(sql, "fetch")
def limits_that_are_changed_in_secret(real):
    """Let those not see it who have counted by the limits from before."""

    def is_change(statement: str) -> bool:
        return "concurrency =" in statement

    return rewriting(real, is_change, "claims + 1", "claims")


@bug(ClaimQuerySet, "suspects")
def suspects_beyond_the_limits(real):
    """Let what must run alone look at no limit."""

    def suspects(self):
        paused = Queue.objects.using(self.db).paused()
        rows = self.exclude(queue_name__in=paused.values("name"))
        least = claims.STALLS_BEFORE_QUARANTINE
        return rows.filter(status=Status.ENQUEUED, stalls__gte=least)

    return suspects


@bug(Waiter, "_hot_until")
def wait_that_keeps_its_place(real):
    """Stay in memory although others may need the place."""
    return lambda self: math.inf


@bug(HeldQueues, "note_place")
def place_that_nobody_hears_of(real):
    """Do not look again when an execution has left a full queue."""
    return lambda self, queue_name: False


@bug(HeldQueues, "seconds_left")
def worker_that_spins(real):
    """Look again and again for what limits hold back."""
    return lambda self, now: 0.0
