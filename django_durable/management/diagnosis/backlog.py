"""Workflows that do not go on: stranded, overdue, left behind, put aside."""

from collections.abc import Iterator
from datetime import timedelta

from django.db.models import Count, Min

from django_durable import clock, conf
from django_durable.management.diagnosis.finding import Finding
from django_durable.models import Queue, Worker, Workflow
from django_durable.models.status import Status
from django_durable.models.workflow import WorkflowQuerySet

# Nothing of these kinds lasts so long where workers keep up.
SHORTEST_GRACE = timedelta(minutes=1)
SHOWN = 5


def look_at_stranded(using: str) -> Iterator[Finding]:
    """Name the code that no live worker has, if any worker lives."""
    if not Worker.objects.using(using).live().filter(kind=Worker.Kind.WORKER).exists():
        return  # Then that is the trouble, and it is told already.
    rows = Workflow.objects.using(using).stranded()
    kinds = rows.order_by().values_list("name", "version").annotate(count=Count("pk"))
    found = list(kinds.order_by("-count", "name")[: SHOWN + 1])
    for name, version, count in found[:SHOWN]:
        yield Finding(
            "problem",
            "stranded",
            f"{count} of {name} wait for its version {version}, which no worker has.",
            "Start a worker with that code, or move them to the code at hand: python"
            f" manage.py workflows resume --all --status stranded --name {name}",
        )
    if len(found) > SHOWN:
        yield Finding("problem", "stranded", "There are more of other kinds.")
    if not found:
        yield Finding("ok", "stranded", "None.")


def look_at_overdue(using: str) -> Iterator[Finding]:
    """Find what should have gone on by now."""
    limit = clock.now() - _grace()
    queues = Queue.objects.using(using)
    full = [usage.queue_name for usage in queues.usage() if usage.holds_new]
    rows = Workflow.objects.using(using)
    live = Worker.objects.using(using).live()
    asleep = rows.filter(status=Status.WAITING, wake_at__lt=limit)
    left = rows.filter(status=Status.PENDING, changed_at__lt=limit)
    findings = [
        _overdue(
            "problem",
            asleep.exclude(pk__in=rows.stranded().values("pk")),
            "wake_at",
            "should have been woken",
            "A worker's sweep does that. Do the workers' logs tell of errors?",
        ),
        _overdue(
            "problem",
            left.exclude(worker__in=live.values("pk")),
            "changed_at",
            "are held by workers that do not live",
            "A live worker takes them over. Do the workers' logs tell of errors?",
        ),
        _overdue(
            "warning",
            rows.filter(status=Status.ENQUEUED, run_after__lt=limit)
            .exclude(pk__in=rows.stranded().values("pk"))
            .exclude(queue_name__in=queues.paused().values("name"))
            .exclude(queue_name__in=full),
            "run_after",
            "are ready and wait for a worker to be free",
            "Start more workers, or give them more CONCURRENCY.",
        ),
    ]
    told = [finding for finding in findings if finding is not None]
    yield from told
    if not told:
        yield Finding("ok", "overdue", "None.")


def look_at_put_aside(using: str) -> Iterator[Finding]:
    """Count what waits for a person."""
    rows = Workflow.objects.using(using)
    for status, word, hint in (
        (Status.PAUSED, "paused", "Correct the code and deploy it, or resume them."),
        (
            Status.MAX_RECOVERY_ATTEMPTS_EXCEEDED,
            "dead",
            "They killed their workers. Correct the cause, then resume them.",
        ),
    ):
        count = rows.filter(status=status).count()
        if count:
            listing = f"See python manage.py workflows list --status {word}"
            message = f"{count} are {word}, and wait for a person."
            yield Finding("warning", "put aside", message, f"{hint} {listing}")


def _overdue(
    level: str, rows: WorkflowQuerySet, since: str, what: str, hint: str
) -> Finding | None:
    found = rows.aggregate(count=Count("pk"), oldest=Min(since))
    if not found["count"]:
        return None
    oldest = f"{found['oldest']:%Y-%m-%d %H:%M:%S} UTC"
    message = f"{found['count']} {what}, the first since {oldest}."
    return Finding(level, "overdue", message, hint)  # type: ignore[arg-type]


def _grace() -> timedelta:
    settings = conf.current()
    return max(SHORTEST_GRACE, 3 * timedelta(seconds=settings.lease + settings.sweep))
