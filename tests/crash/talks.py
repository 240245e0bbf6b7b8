"""The experiments with messages, events and streams; see programs.py."""

from dataclasses import dataclass, replace
from typing import Any

from django.db import transaction

import django_durable as durable
from django_durable.models import Workflow
from tests.crash import conversations as talk
from tests.crash.driver import Driver
from tests.crash.ledger import ledger
from tests.crash.programs import CANCELLED, ID, Program, Script, cancel, success
from tests.models import Entry

OTHER = "o"


@dataclass(frozen=True)
class Play:
    """The script of workflows that start in one commit and are then executed."""

    parts: tuple[tuple[str, Any, Any], ...]
    first: str

    def __call__(self, driver: Driver) -> None:
        """Start them and work until nothing is left to do."""
        with transaction.atomic():
            for pk, definition, args in self.parts:
                given = definition.using(workflow_id=pk, priority=int(pk == self.first))
                given.start(*args)
        ledger.facts["started"] = True
        driver.settle()

    @property
    def code(self) -> tuple[str, ...]:
        """What its workers need: a long list makes a slow claim."""
        return tuple(definition.name for _, definition, _ in self.parts)


def both(definition: Any, args: Any, other: Any, other_args: Any) -> Play:
    """Start two workflows; ``definition`` is executed first."""
    return Play(((ID, definition, args), (OTHER, other, other_args)), ID)


def other_first(*pair: Any) -> Play:
    """See both(); what ``definition`` waits for is there before it looks."""
    return replace(both(*pair), first=OTHER)


def alone(definition: Any, *args: Any) -> Play:
    """Start one workflow."""
    return Play(((ID, definition, args),), ID)


def view() -> None:
    """Send from a view that writes as well, and from one that fails."""
    with transaction.atomic():
        Entry.objects.create(key="view")
        durable.send(ID, "from a view", "talk")
    with transaction.atomic():
        durable.send(ID, "never", "talk")
        transaction.set_rollback(True)
    durable.send_many(
        durable.Message(ID, letter, "talk", idempotency_key=letter) for letter in "ab"
    )
    ledger.facts["sent"] = True


def send_in_view(driver: Driver) -> None:
    """Let a workflow wait, and send to it within a transaction."""
    talk.listener.using(workflow_id=ID).start(3)
    ledger.facts["started"] = True
    driver.work()
    view()
    driver.settle()


def send_for_sure(driver: Driver) -> None:
    """Go on as a client that looks whether its request has come through."""
    is_there = Workflow.objects.filter(pk=ID).exists()
    if is_there and not Entry.objects.filter(key="view").exists():
        view()
    elif is_there and not ledger.facts.get("sent"):
        for letter in "ab":
            durable.send(ID, letter, "talk", idempotency_key=letter)
    driver.recover()


def cancel_receiver(driver: Driver) -> None:
    """Cancel a workflow that waits for a message, which comes nevertheless."""
    talk.cancelled_listener.using(workflow_id=ID).start()
    driver.work()
    cancel()
    durable.send(ID, "too late", "talk")
    driver.settle()


def cancel_in(label: str) -> Script:
    """Cancel while a step that publishes runs."""

    def script(driver: Driver) -> None:
        ledger.hooks[label] = cancel
        talk.cancelled_publisher.using(workflow_id=ID).start()
        driver.settle()

    return script


def program(name: str, script: Script, expected: Any, **options: Any) -> Program:
    """Write a program whose workers have what its script needs."""
    code = script.code if isinstance(script, Play) else (talk.__name__,)
    return Program(name, script, expected, code=code, **options)


def ended(result: Any, other: Any = None) -> dict[str, tuple[str, Any]]:
    """Expect both workflows to return something."""
    return success(result) | {OTHER: ("SUCCESS", other)}


ABC = [("a", 1), "b", "c"]
HEARD: dict[str, Any] = {"expected": ended([*ABC, "heard"]), "entries": ["heard"]}
FOLLOWED: dict[str, Any] = {
    "expected": ended(["begun", "never", {"state": "ended"}, "followed"]),
    "entries": ["followed"],
}


def _won(number: int, value: Any) -> dict[str, Any]:
    return {"expected": ended([number, value, "raced"], "over"), "entries": ["raced"]}


TALKS = [
    program(
        "send and recv",
        both(talk.listener, [3], talk.speaker, [ID]),
        **HEARD,
    ),
    program(
        "send and recv, async",
        both(talk.alistener, [3], talk.aspeaker, [ID]),
        **HEARD,
    ),
    program(
        "message there first",
        other_first(talk.listener, [3], talk.speaker, [ID]),
        **HEARD,
    ),
    program(
        "send in a step",
        other_first(talk.listener, [1], talk.poster, [ID]),
        ended(["by post", "heard"]),
        entries=["heard"],
    ),
    program(
        "question and answer",
        both(talk.asker, [OTHER], talk.answerer, [ID]),
        ended(21),
    ),
    program(
        "question and answer, async",
        both(talk.aasker, [OTHER], talk.aanswerer, [ID]),
        ended(21),
    ),
    program(
        "send in a view",
        send_in_view,
        success(["from a view", "a", "b", "heard"]),
        again=send_for_sure,
        entries=["heard", "view"],
    ),
    program(
        "late message",
        both(talk.insistent, [], talk.late, [ID, 1.5]),
        ended("late"),
    ),
    program(
        "no message, async",
        alone(talk.apatient),
        success("nothing"),
    ),
    program(
        "message at the deadline",
        both(talk.insistent, [], talk.late, [ID, 1]),
        ended("late"),
        is_free=True,
    ),
    program(
        "first: a message",
        both(talk.racer, [OTHER, 2], talk.rival, [ID, "message"]),
        **_won(0, "mine"),
    ),
    program(
        "first: a message, async",
        both(talk.aracer, [OTHER, 2], talk.rival, [ID, "message"]),
        **_won(0, "mine"),
    ),
    program(
        "first: a message that is there",
        other_first(talk.racer, [OTHER, 2], talk.rival, [ID, "message"]),
        **_won(0, "mine"),
    ),
    program(
        "first: an event",
        both(talk.racer, [OTHER, 2], talk.rival, [ID, "event"]),
        **_won(1, 5),
    ),
    program(
        "first: a result",
        both(talk.racer, [OTHER, 2], talk.rival, [ID, "result"]),
        **_won(2, "over"),
    ),
    program(
        "first: a timer",
        both(talk.racer, [OTHER, 2], talk.rival, [ID, "nothing"]),
        **_won(3, None),
    ),
    program(
        "first: a timer, async",
        both(talk.aracer, [OTHER, 2], talk.rival, [ID, "nothing"]),
        **_won(3, None),
    ),
    program(
        "event",
        both(talk.follower, [OTHER], talk.publisher, []),
        **FOLLOWED,
    ),
    program(
        "event, async",
        both(talk.afollower, [OTHER], talk.apublisher, []),
        **FOLLOWED,
    ),
    program("event of a step", alone(talk.announcer), success(None)),
    program("event of a step, async", alone(talk.aannouncer), success(None)),
    program(
        "stream",
        both(talk.reader, [OTHER], talk.writer, []),
        ended([[1, 2, 3], True]),
        is_free=True,  # A repeated entry is one more step of the reader.
    ),
    program(
        "stream, async",
        both(talk.areader, [OTHER], talk.awriter, []),
        ended([[1, 2], True]),
        is_free=True,
    ),
    program("stream of a step", alone(talk.counter), success(None)),
    program(
        "transaction that publishes",
        alone(talk.bookkeeper),
        success(["booked", "booked"]),
        entries=["booked"],
    ),
]

CANCELLED_TALKS = [
    program("cancel while receiving", cancel_receiver, {ID: CANCELLED}),
    program("cancel before an event", cancel_in("announce"), {ID: CANCELLED}),
    program("cancel before an entry", cancel_in("count"), {ID: CANCELLED}),
]


def talk_named(name: str) -> Program:
    """Return one of them."""
    return next(each for each in TALKS + CANCELLED_TALKS if each.name == name)
