"""One workflow test, run again for each write at which its process can die."""

import inspect
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from asgiref.sync import async_to_sync
from django.apps import apps
from django.db import connections, router, transaction
from django.db.transaction import TransactionManagementError

from django_durable import clock, conf, failures
from django_durable.definitions.context import refuse_running_loop
from django_durable.models import Event, Notification, Step, Stream, Workflow, sql
from django_durable.testing import crashing
from django_durable.testing.crashing import Crasher
from django_durable.testing.time import VirtualTime


def crash_everywhere(test: Callable[[], Any]) -> int:
    """Assert that a crash at any durable write changes nothing in the end.

    ``test`` starts workflows and calls ``run_until_idle()``; sync or async, and
    with assertions of its own if it likes. It is called once without a crash,
    and then for each write (a statement or a commit) that happens inside
    ``run_until_idle()`` once with a crash right before it and once with one
    right after it. The process dies there, its open transaction is rolled back,
    and the next process recovers what is left, within the same
    ``run_until_idle()``.

    Each run must give what the first gave: the value that ``test`` returns, the
    statuses, errors and steps of the workflows, which events, streams and
    messages there are, and the number of rows of each of the project's models.
    The first crash that makes a difference is named in an AssertionError. Returns
    the number of crashes. What happens outside of the database, such as the calls
    of a mock, is not undone between the runs, and an ordinary step that dies
    before its checkpoint is called again.

    Needs a test inside of a transaction (TestCase, or pytest-django's ``db``),
    in which each run is rolled back.
    """
    refuse_running_loop("crash_everywhere", "asyncio.to_thread(crash_everywhere, …)")
    using = conf.current().database
    _refuse_commits(using)
    reference, points = _run(test, using, Crasher())
    if not points:
        raise AssertionError(
            "crash_everywhere(): nothing durable was written inside run_until_idle()."
        )
    for at in range(1, points + 1):
        for when in ("before", "after"):
            _try(test, using, Crasher(at, when), reference)
    return 2 * points


@dataclass(frozen=True)
class _Story:
    """What a run has left behind, without what differs from run to run."""

    returned: Any
    workflows: Counter[Any]
    published: Counter[str]
    rows: Counter[str]

    @classmethod
    def of(cls, returned: Any, using: str) -> "_Story":
        return cls(returned, _workflows(using), _published(using), _rows(using))

    def differences(self, other: "_Story") -> Iterator[str]:
        """Say what is other than in ``other``, the run without a crash."""
        if self.returned != other.returned:
            yield f"it returned {self.returned!r} instead of {other.returned!r}"
        for story, word in ((self - other, "unexpected"), (other - self, "missing")):
            yield from (f"{word}: {each}" for each in story)

    def __sub__(self, other: "_Story") -> list[str]:
        workflows = (self.workflows - other.workflows).elements()
        rows = self.rows - other.rows
        published = self.published - other.published
        return [
            *(_described(*workflow) for workflow in workflows),
            *published.elements(),
            *(f"{n} row(s) of {name}" for name, n in rows.items()),
        ]


def _try(
    test: Callable[[], Any], using: str, crasher: Crasher, reference: _Story
) -> None:
    try:
        story, _ = _run(test, using, crasher)
    except Exception as error:
        raise AssertionError(f"After {crasher} the test fails: {error!r}") from error
    if not crasher.has_struck:
        raise AssertionError(
            f"The test makes other writes each time it runs: only"
            f" {len(crasher.points)} came, not the {crasher.at} of the first run."
        )
    found = list(story.differences(reference))
    if found:
        listed = "".join(f"\n  {difference}" for difference in found)
        raise AssertionError(f"After {crasher} the outcome differs:{listed}")


def _run(test: Callable[[], Any], using: str, crasher: Crasher) -> tuple[_Story, int]:
    """Run the test in a block of its own; keep its story, undo the rest."""
    call = async_to_sync(test) if inspect.iscoroutinefunction(test) else test
    block = transaction.atomic(using=using)
    block._from_testcase = True  # type: ignore[attr-defined]
    with _clock_put_back(), block:
        with crashing.activated(crasher):
            returned = call()
        story = _Story.of(returned, using)
        transaction.set_rollback(True, using=using)
    return story, len(crasher.points)


@contextmanager
def _clock_put_back() -> Iterator[None]:
    """Begin each run at the same moment where the test stands in virtual time."""
    time, moment = clock.shown(), clock.now()
    yield
    if isinstance(time, VirtualTime):
        time.move_to(moment)


def _workflows(using: str) -> Counter[Any]:
    steps: dict[str, list[Any]] = {}
    recorded = Step.objects.using(using).order_by("workflow_id", "branch", "step_id")
    for row in recorded:
        mark = "" if row.error is None else " (failed)"
        steps.setdefault(row.workflow_id, []).append(f"{row.name}{mark}")
    return Counter(
        (row.name, row.status, _error(row), tuple(steps.get(row.pk, ())))
        for row in Workflow.objects.using(using)
    )


def _published(using: str) -> Counter[str]:
    """Name events, streams and messages; not how many came of an ordinary step."""
    events = Event.objects.using(using).values_list("workflow__name", "key")
    streams = Stream.objects.using(using).values_list(
        "workflow__name", "key", "is_closed"
    )
    messages = Notification.objects.using(using).values_list(
        "destination", "destination__name", "topic"
    )
    return Counter(
        [
            *(f"event {key!r} of {name}" for name, key in events),
            *(
                f"{'closed' if is_closed else 'open'} stream {key!r} of {name}"
                for name, key, is_closed in streams
            ),
            *(
                f"message to {name}, topic {topic!r}"
                for _, name, topic in messages.order_by().distinct()
            ),
        ]
    )


def _error(row: Workflow) -> str:
    return "" if row.error is None else ": ".join(failures.describe(row.error))


def _described(name: str, status: str, error: str, steps: tuple[str, ...]) -> str:
    shown = ", ".join(steps) or "none"
    ending = f"{status} ({error})" if error else status
    return f"workflow {name}: {ending}, steps: {shown}"


def _rows(using: str) -> Counter[str]:
    """Count the rows of the project's models."""
    models = [
        model
        for model in apps.get_models()
        if model._meta.app_label != "django_durable"
        and model._meta.managed
        and router.allow_migrate_model(using, model)
    ]
    if not models:
        return Counter()
    connection = connections[using]
    tables = [connection.ops.quote_name(model._meta.db_table) for model in models]
    counts = ", ".join(f"(SELECT count(*) FROM {table})" for table in tables)
    (found,) = sql.fetch(connection, f"SELECT {counts}")
    pairs = zip(models, found, strict=True)
    return Counter({model._meta.label: count for model, count in pairs if count})


def _refuse_commits(using: str) -> None:
    if not connections[using].in_atomic_block:
        raise TransactionManagementError(
            "crash_everywhere() rolls each of its runs back, so it needs a test"
            " inside of a transaction: a TestCase, or pytest-django's db fixture."
        )
