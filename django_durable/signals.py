"""What happened, declared.

Sent after the commit, in the process where it happened, at least once, and
only when somebody listens. A receiver that raises disturbs nobody, and one that
asks the database or waits is called in a thread where an event loop would have to
wait for it.

All carry ``workflow_id`` and ``name`` unless noted; those that an execution sends
(started, finished, failed, step finished) also ``queue_name`` and ``worker_id``:

========================  ====================================================
``workflow_enqueued``     a workflow was started (``queue_name``)
``workflow_started``      it is executed, for the first time or again
                          (``claim``)
``workflow_finished``     it returned
``workflow_failed``       it raised (``error``: the stored error)
``workflow_cancelled``    it was cancelled (``reason``)
``workflow_paused``       a programmer's error stopped it (``reason``)
``workflow_dead``         it was moved to the dead letter
``workflow_recovered``    its worker was lost (``stalls``)
``step_finished``         a step was recorded (``step_name, branch, step_id,
                          kind, seconds, failed``)
``worker_started``        ``worker_id``, ``kind``
``worker_stopped``        ``worker_id``, ``kind``
``lease_lost``            a worker was taken for dead, and lives: ``worker_id``,
                          ``kind``
========================  ====================================================
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any, TypeVar

from django.db import connections, transaction
from django.dispatch import Signal

workflow_enqueued = Signal()
workflow_started = Signal()
workflow_finished = Signal()
workflow_failed = Signal()
workflow_cancelled = Signal()
workflow_paused = Signal()
workflow_dead = Signal()
workflow_recovered = Signal()
step_finished = Signal()
worker_started = Signal()
worker_stopped = Signal()
lease_lost = Signal()

# Private: facts that somebody may wait for, named by their targets. The hub
# wakes the waiting ones; without it they would find out by looking.
published = Signal()

QUEUE = "queue"

# A stream of a workflow, or with an empty key its events.
Place = tuple[str, str]
K = TypeVar("K")
# How far a place is that may have changed otherwise than by growing.
LOOK = 0
_NOTHING: Mapping[Place, int] = MappingProxyType({})


_quick: defaultdict[int, set[str]] = defaultdict(set)


def connect_quick(signal: Signal, receiver: Callable[..., None], uid: str) -> None:
    """Connect a receiver, once, that neither waits nor asks the database.

    It is called where the fact is known, even on an event loop.
    """
    signal.connect(receiver, dispatch_uid=uid)
    _quick[id(signal)].add(uid)


def may_wait(signal: Signal) -> bool:
    """Tell whether somebody listens who is not known to be quick."""
    quick = _quick[id(signal)]
    return any(key[0] not in quick for key, *_ in signal.receivers)


def tell(signal: Signal, **facts: Any) -> None:
    """Send a signal now when somebody listens."""
    if signal.receivers:
        signal.send_robust(sender=None, **facts)


def tell_on_commit(signal: Signal, using: str, **facts: Any) -> None:
    """Send a signal once the transaction of ``using`` has committed."""
    if signal.receivers:
        transaction.on_commit(lambda: tell(signal, **facts), using=using, robust=True)


def publish(
    using: str,
    *targets: str,
    is_hinted: bool = False,
    news: Mapping[Place, int] = _NOTHING,
) -> None:
    """Wake whoever waits for ``targets``, once the facts are committed.

    One announcement for each transaction, however many facts it holds.
    ``is_hinted``: other processes hear of it by the commit itself. ``news`` says
    how far the places are that browsers may watch: their next offset, or LOOK.
    """
    if not published.receivers:
        return
    kept = connections[using].__dict__
    announcement = kept.get(_KEPT)
    if announcement is None:
        announcement = kept[_KEPT] = _Announcement(using)
    announcement.add(targets, is_hinted=is_hinted, news=news)
    transaction.on_commit(announcement.make, using=using, robust=True)


def gather(news: dict[K, int], further: Mapping[K, int]) -> None:
    """Add news to others: the furthest offset counts, and LOOK above all."""
    for place, reached in further.items():
        known = news.get(place, reached)
        news[place] = max(known, reached) if known and reached else LOOK


_KEPT = "django_durable_announcement"


class _Announcement:
    """What one transaction has to tell.

    Each fact registers it anew, since a rolled back savepoint takes the hooks
    of its facts along; the first hook that runs tells all.
    """

    def __init__(self, using: str) -> None:
        self._using = using
        self._targets: dict[str, None] = {}
        self._is_hinted = True
        self._news: dict[Place, int] = {}

    def add(
        self, targets: Iterable[str], *, is_hinted: bool, news: Mapping[Place, int]
    ) -> None:
        """Add what is to be told."""
        gather(self._news, news)
        self._targets.update(dict.fromkeys(targets))
        self._is_hinted &= is_hinted

    def make(self) -> None:
        """Tell everything, the first time it is called."""
        kept = connections[self._using].__dict__
        if kept.get(_KEPT) is self:
            del kept[_KEPT]
        targets, self._targets = tuple(self._targets), {}
        news, self._news = self._news, {}
        if targets:
            tell(
                published,
                using=self._using,
                targets=targets,
                is_hinted=self._is_hinted,
                news=news,
            )
