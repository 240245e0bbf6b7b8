"""What is asked again and again: each question as a call, with what it may read.

The names begin with the method that asks, so that none is forgotten.
"""

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.apps import apps
from django.db import connection

from django_durable import clock
from django_durable.execution import looks
from django_durable.execution.journal import Journal
from django_durable.execution.starting import check_existing
from django_durable.models import (
    Notification,
    Queue,
    Step,
    Stream,
    StreamEntry,
    Wait,
    Worker,
    Workflow,
    publication,
)
from django_durable.models.claims import Claimed
from django_durable.models.deletion import Position
from django_durable.models.entries import StreamWriting
from django_durable.models.event import EventSetting
from django_durable.models.letters import Letter, Sending
from django_durable.models.publication import Publication
from django_durable.models.targets import message_target
from django_durable.wakeup.postgresql import hint_of
from django_durable.worker.quarantine import Quarantine
from tests.plans.displays import CONSOLE, PEOPLE
from tests.plans.operation import (
    ENDED,
    HELD_BY,
    HOLDER,
    KEY,
    PAUSED,
    READY,
    STARTS,
    SUSPECT,
    UNREAD,
    WAIT,
    Operation,
)
from tests.plans.rows import (
    ASLEEP,
    CANCELLED,
    DEFINITIONS,
    DONE,
    HELD,
    MANY,
    QUEUED,
    checkpoint,
    every_wait,
    letter,
    new_row,
    nth,
    outcome,
)
from tests.plans.schedules import SCHEDULES

WORKER = uuid.uuid4()
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def publish(*rows: Publication, waits: bool = True) -> None:
    """Publish in this transaction, by the statement that does not wait if asked."""
    if waits:
        Step.objects.publish(rows)
    elif connection.vendor == "postgresql":
        list(publication._store_in_one(connection, rows, waits=False))
    else:
        publication.store(connection, rows)


def sent_first(receive: Callable[[], Any]) -> None:
    """Receive what has just been sent."""
    Notification.objects.send([Letter(HELD, "next", "json:1")])
    assert receive() is not None


def due_first() -> None:
    """Wake one whose time has just come."""
    Workflow.objects.filter(pk=ASLEEP).update(wake_at=clock.now())
    assert Workflow.objects.wake_due() == 1


def all_paused_first() -> None:
    """Claim where every queue is paused, and 100,000 are ready."""
    names = ["default", *(f"queue-{number}" for number in range(10))]
    Queue.objects.bulk_create(Queue(name=name, paused_at=clock.now()) for name in names)
    assert Workflow.objects.claim(WORKER, DEFINITIONS, limit=16) == []
    assert Workflow.objects.claim(WORKER, DEFINITIONS, limit=16, queues=names) == []


def limited_first(limit: int = 16, **limits: Any) -> None:
    """Claim, with 100,000 ready, where every queue has limits."""
    for name in ("default", *(f"queue-{number}" for number in range(10))):
        Queue.objects.limit(name, **limits)
    taken = workflows.claim(WORKER, DEFINITIONS, limit=16, expects_limits=True)
    assert len(taken) == limit


def overdue_first() -> None:
    """Cancel one whose deadline has just come."""
    Workflow.objects.filter(pk=ASLEEP).update(deadline=clock.now())
    assert Workflow.objects.cancel_overdue() == 1


workflows, steps, waits = Workflow.objects, Step.objects, Wait.objects
notifications, workers = Notification.objects, Worker.objects
entries = StreamEntry.objects
# Each of those that wait has five waits.
SWEEP = 1_000_000

CLAIMS = {
    "claim": Operation(
        lambda: workflows.claim(WORKER, DEFINITIONS, limit=16), READY, 1500, PAUSED
    ),
    "claim, of queues": Operation(
        lambda: workflows.claim(
            WORKER, DEFINITIONS, limit=16, queues=["queue-3", "queue-4"]
        ),
        READY,
        1500,
        PAUSED,
    ),
    "claim, of paused queues": Operation(all_paused_first, READY, walks=PAUSED),
    "claim, of limited queues": Operation(
        lambda: limited_first(concurrency=200_000, rate=100, period=60),
        READY,
        8000,
        f"{PAUSED} {HELD_BY} {STARTS}",
    ),
    "claim, of full queues": Operation(
        lambda: limited_first(0, concurrency=1),
        HELD_BY,
        6000,
        f"{PAUSED} {HELD_BY} {STARTS}",
    ),
    # It reads what queues for other workers: nothing of the other states.
    "claim, without the code": Operation(
        lambda: workflows.claim(WORKER, [("other", "1")], limit=16),
        READY,
        110_000,
        PAUSED,
    ),
    "claim, of an empty queue": Operation(
        lambda: workflows.claim(WORKER, DEFINITIONS, limit=16, queues=["empty"]),
        READY,
        walks=PAUSED,
    ),
    "claim_suspect": Operation(
        lambda: workflows.claim_suspect(WORKER, QUEUED, DEFINITIONS),
        walks=f"{PAUSED} {HELD_BY}",
    ),
    "first_suspect": Operation(
        lambda: workflows.first_suspect(DEFINITIONS, None),
        SUSPECT,
        walks=f"{SUSPECT} {PAUSED} {HELD_BY}",
    ),
    "suspects": Operation(
        Quarantine("default", 1.0)._is_cared_for,
        SUSPECT,
        walks=f"{SUSPECT} {PAUSED} {HELD_BY}",
    ),
    "usage": Operation(
        lambda: Queue.objects.usage(),
        blocks=6000,
        walks=f"{PAUSED} {HELD_BY}",
    ),
    "disown": Operation(lambda: workflows.disown(WORKER, clock.now()), HELD_BY),
    "take_away": Operation(lambda: workflows.take_away(WORKER), HELD_BY),
}
TIMERS = {
    "next_due": Operation(workflows.next_due, "durable_workflow_delayed"),
    "wake_due": Operation(workflows.wake_due, "durable_workflow_wake"),
    "wake_due, one": Operation(due_first, "durable_workflow_wake"),
    "next_due, a deadline": Operation(workflows.next_due, "durable_workflow_deadline"),
    "cancel_overdue": Operation(workflows.cancel_overdue, "durable_workflow_deadline"),
    "cancel_overdue, one": Operation(overdue_first, "durable_workflow_deadline"),
    "cancel_if_overdue": Operation(lambda: workflows.cancel_if_overdue(HELD), KEY),
    "wake_forgotten": Operation(
        workflows.wake_forgotten, "durable_workflow_wake", SWEEP
    ),
    "wake_met": Operation(waits.wake_met, KEY, SWEEP, WAIT),
    "requeue_waiting": Operation(lambda: workflows.requeue_waiting([ASLEEP]), KEY),
    "requeue_abandoned": Operation(workflows.requeue_abandoned, HELD_BY, 6000, HELD_BY),
    "abandoned": Operation(
        lambda: list(workflows.all().abandoned().order_by("worker_id")[:1000]),
        HELD_BY,
        6000,
        HELD_BY,
    ),
    "unpause": Operation(
        lambda: workflows.unpause([("other", "1")], before=clock.now()),
        "durable_workflow_paused",
        6000,
    ),
    "live": Operation(lambda: workers.live().filter(pk=WORKER).exists()),
    "is_alive": Operation(lambda: workers.is_alive(WORKER)),
    "live_definitions": Operation(workers.live_definitions, "durable_worker_live"),
    "expired": Operation(workers.declare_dead, "durable_worker_live"),
    "declare_dead": Operation(workers.declare_dead, "durable_worker_live"),
    "beat": Operation(lambda: workers.beat(WORKER)),
    "register": Operation(lambda: workers.register(Worker.Kind.WORKER)),
    "forget": Operation(
        lambda: workers.forget(older_than=7 * DAY), walks="django_durable_worker"
    ),
}
STATES = {
    "enqueue": Operation(lambda: workflows.enqueue([new_row("new")])),
    "enqueue, known": Operation(
        lambda: (
            workflows.enqueue([new_row(HELD)]),
            check_existing(new_row(HELD), "default"),
        ),
        KEY,
    ),
    "standing": Operation(lambda: workflows.standing(HELD), KEY),
    "standings": Operation(lambda: workflows.standings([HELD, DONE]), KEY),
    "ending": Operation(lambda: workflows.ending(DONE), KEY),
    "lock": Operation(lambda: workflows.lock(HELD), KEY),
    "finish": Operation(lambda: workflows.finish([outcome(1)]), KEY),
    "finish, many": Operation(
        lambda: workflows.finish([outcome(number) for number in MANY]), KEY, 2000
    ),
    "suspend": Operation(lambda: workflows.suspend(HELD, 1, wake_at=None), KEY),
    "suspend, until": Operation(
        lambda: workflows.suspend(HELD, 1, wake_at=clock.now() + DAY), KEY
    ),
    "hand_over": Operation(lambda: workflows.hand_over(HELD, 1), KEY),
    "summarize": Operation(lambda: workflows.summarize(HELD, 1, "3 parcels"), KEY),
    # For a scraper: each count ends at its limit.
    "depths": Operation(
        lambda: workflows.depths(most=100),
        READY,
        400,
        f"{READY} {HELD_BY} durable_workflow_wake durable_workflow_paused",
    ),
    "pause": Operation(
        lambda: workflows.pause(Claimed(HELD, "name", "1", "", 1), "bug"), KEY
    ),
    "cancel_one": Operation(
        lambda: workflows.cancel_one(nth("PENDING", 1)), "durable_workflow_children", 80
    ),
    "resume_one": Operation(
        lambda: workflows.resume_one(CANCELLED), "durable_workflow_children"
    ),
}
COPIES = {
    "restart_one": Operation(lambda: workflows.restart_one(DONE), KEY),
    "fork_one": Operation(
        lambda: (
            steps.record([checkpoint(step_id=1)]),
            workflows.fork_one(HELD, 2),
        ),
        KEY,
    ),
    "forks": Operation(
        lambda: Workflow.objects.filter(forked_from=DONE).exists(),
        "durable_workflow_forks",
    ),
}
DELETIONS = {
    "delete_one": Operation(lambda: workflows.delete_one(DONE), KEY, walks=HOLDER),
    "delete_one, of all it has": Operation(
        lambda: workflows.delete_one(CANCELLED),
        "durable_notification_to",
        walks=HOLDER,
    ),
    "delete_some": Operation(
        lambda: workflows.all().delete_some([nth("SUCCESS", n) for n in MANY]),
        KEY,
        6000,
        walks=HOLDER,
    ),
    "prune_some": Operation(
        lambda: workflows.prune_some("SUCCESS", clock.now() - HOUR, size=50),
        ENDED,
        6000,
        walks=HOLDER,
    ),
    "prune_some, further on": Operation(
        lambda: workflows.prune_some(
            "SUCCESS", clock.now() - HOUR, Position(clock.now() - DAY, DONE), size=50
        ),
        ENDED,
        6000,
        walks=HOLDER,
    ),
}
JOURNAL = {
    "record": Operation(lambda: steps.record([checkpoint()]), KEY),
    "record, conflict": Operation(lambda: steps.record([checkpoint(step_id=0)]), KEY),
    "record, many": Operation(
        lambda: steps.record([checkpoint(nth("PENDING", number)) for number in MANY]),
        KEY,
        1000,
    ),
    "record_held": Operation(lambda: steps.record_held(checkpoint()), KEY),
    "journal": Operation(lambda: Journal.load("default", HELD)),
    "keep": Operation(lambda: waits.keep(HELD, every_wait()), blocks=150),
    "replace": Operation(lambda: waits.replace(ASLEEP, every_wait()), blocks=150),
    "suspend, with a wait": Operation(
        lambda: waits.suspend(HELD, 1, every_wait()[:1], wake_at=None), KEY
    ),
    "suspend, with waits": Operation(
        lambda: waits.suspend(HELD, 1, every_wait(), wake_at=None), KEY, 150
    ),
    "forget, waits": Operation(lambda: waits.forget(ASLEEP)),
    "wake": Operation(
        lambda: waits.wake([message_target(ASLEEP, "next").name]), "durable_wait_target"
    ),
    "wake, with a hint": Operation(
        lambda: waits.wake(
            [message_target(ASLEEP, "next").name],
            hint=hint_of(["news"]) if connection.vendor == "postgresql" else None,
        ),
        "durable_wait_target",
    ),
    "wake_if_met": Operation(lambda: waits.wake_if_met(ASLEEP, 1, every_wait()), KEY),
}
TALK = {
    "send": Operation(lambda: notifications.send([letter(1)]), KEY),
    "send, once": Operation(
        lambda: notifications.send([letter(1, idempotency_key="first")]), KEY
    ),
    "send, many": Operation(
        lambda: notifications.send([letter(number) for number in MANY]), KEY, 1500
    ),
    "receive": Operation(
        lambda: sent_first(lambda: notifications.receive(checkpoint(), "next")), UNREAD
    ),
    "receive, nothing": Operation(
        lambda: notifications.receive(checkpoint(), "next"), UNREAD
    ),
    "receive_as": Operation(
        lambda: sent_first(
            lambda: notifications.receive_as(checkpoint(), "next", lambda text: text)
        ),
        UNREAD,
    ),
    "unread": Operation(lambda: notifications.unread(HELD, "next").exists(), UNREAD),
    "look": Operation(lambda: looks.event("default", HELD, "first"), KEY),
    "look, at all events": Operation(lambda: looks.events("default", HELD)),
    "look, at a stream": Operation(
        lambda: looks.entries("default", HELD, "lines", 0, limit=256), KEY
    ),
    "values_from": Operation(lambda: entries.values_from(HELD, "lines", 0, 256)),
    "is_closed_by": Operation(
        lambda: Stream.objects.is_closed_by(HELD, "lines", ("", 1))
    ),
}
PUBLICATIONS: dict[str, Callable[[str], Publication]] = {
    "send": lambda pk: Sending(checkpoint(pk), letters=(letter(1), letter(2))),
    "set_event": lambda pk: EventSetting(checkpoint(pk), key="new", value="json:1"),
    "set_event, once": lambda pk: EventSetting(
        checkpoint(pk), key="new", value="json:1", overwrite=False
    ),
    "write_stream": lambda pk: StreamWriting(
        checkpoint(pk), key="lines", values=("json:1", "json:2")
    ),
    "write_stream, inside": lambda pk: StreamWriting(
        checkpoint(pk), False, key="lines", values=("json:1", "json:2")
    ),
}
for name, kind in PUBLICATIONS.items():
    TALK |= {
        f"publish, {name}": Operation(lambda of=kind: publish(of(HELD)), KEY),
        f"publish, {name}, many": Operation(
            lambda of=kind: publish(
                *(of(nth("PENDING", number)) for number in MANY), waits=False
            ),
            KEY,
            2000,
        ),
    }
OPERATIONS = {
    **CLAIMS,
    **TIMERS,
    **STATES,
    **COPIES,
    **DELETIONS,
    **JOURNAL,
    **TALK,
    **SCHEDULES,
    **PEOPLE,
    **CONSOLE,
}

MODELS = list(apps.get_app_config("django_durable").get_models())
