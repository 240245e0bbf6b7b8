"""Queues: whether somebody has forgotten that one is paused, or limited too much."""

from collections.abc import Iterator
from datetime import timedelta

from django.db.models import Count

from django_durable import clock
from django_durable.display import visible
from django_durable.management.diagnosis.finding import Finding
from django_durable.models import Queue, Workflow
from django_durable.models.status import Status
from django_durable.models.usage import Usage

# Whoever pauses a queue for longer does so on purpose.
FORGOTTEN_AFTER = timedelta(days=1)
MOST_NAMED = 20


def look_at_queues(using: str) -> Iterator[Finding]:
    """Name the queues in which something waits for long since a person wants it so."""
    yield from _look_at_pauses(using)
    yield from _look_at_limits(using)


def _look_at_limits(using: str) -> Iterator[Finding]:
    now = clock.now()
    used = Queue.objects.using(using).usage(now)
    full = {usage.queue_name: usage for usage in used if usage.holds_new}
    paused = Queue.objects.using(using).paused()
    ready = Workflow.objects.using(using).filter(
        status=Status.ENQUEUED,
        run_after__lt=now - FORGOTTEN_AFTER,
        queue_name__in=list(full),
    )
    ready = ready.exclude(queue_name__in=paused.values("name"))
    counts = dict(ready.values_list("queue_name").annotate(Count("pk")).order_by())
    hint = "Raise its limits by durable.limit_queue(), if what they spare bears it."
    for name in sorted(counts)[:MOST_NAMED]:
        text = (
            f"{name} is limited to {_words(full[name])}, and {counts[name]} wait in it"
        )
        text = visible(f"{text} for more than a day.", limit=300, lines=False)
        yield Finding("warning", "queues", text, hint)
    if (more := len(counts) - MOST_NAMED) > 0:
        text = f"{more} more of them are limited, and workflows wait there for long."
        yield Finding("warning", "queues", text, hint)


def _words(usage: Usage) -> str:
    limits, words = usage.limits, []
    if limits.concurrency is not None:
        words.append(f"{limits.concurrency} at once")
    if limits.rate is not None:
        words.append(f"{limits.rate} in {limits.period:g} s")
    return " and ".join(words)


def _look_at_pauses(using: str) -> Iterator[Finding]:
    now = clock.now()
    paused = Queue.objects.using(using).paused()
    old = paused.filter(paused_at__lt=now - FORGOTTEN_AFTER).order_by("paused_at")
    ready = Workflow.objects.using(using).filter(
        status=Status.ENQUEUED, run_after__lte=now, queue_name__in=old.values("name")
    )
    counts = dict(ready.values_list("queue_name").annotate(Count("pk")).order_by())
    forgotten = [queue for queue in old if queue.name in counts]
    hint = "Resume it on the page of the queues, or by durable.resume_queue()."
    for queue in forgotten[:MOST_NAMED]:
        yield Finding("warning", "queues", _told(queue, counts[queue.name]), hint)
    if more := len(forgotten[MOST_NAMED:]):
        text = f"{more} more of them are paused for long, and workflows wait in them."
        yield Finding("warning", "queues", text, hint)
    if not forgotten:
        yield Finding("ok", "queues", f"{paused.count()} of them are paused.")


def _told(queue: Queue, count: int) -> str:
    who = f" by {queue.paused_by}" if queue.paused_by else ""
    reason = f" ({queue.pause_reason})" if queue.pause_reason else ""
    return visible(
        f"{queue} is paused since {queue.paused_at:%Y-%m-%d %H:%M} UTC{who}{reason},"
        f" and {count} wait in it.",
        limit=300,
        lines=False,
    )
