"""The experiments with what operators do; see programs.py.

What they do it to is there before: only they, and what follows, can be interrupted.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any
from uuid import uuid4

from django.db import DatabaseError, connections

import django_durable as durable
from django_durable.models import Queue, QueueStart, Step, Workflow
from django_durable.models.forks import ForkOptions
from tests.crash import definitions
from tests.crash.crasher import USING, Crash
from tests.crash.definitions import add, enter
from tests.crash.driver import Driver
from tests.crash.ledger import ledger
from tests.crash.programs import ID, Program, Script, success

COPY = "copy"
KEPT = 6
QUEUE = definitions.transactions.queue_name
Act = Callable[[], object]


@durable.workflow
def telling() -> str:
    durable.set_event("state", "begun")
    durable.write_stream("log", 1)
    heard: str = durable.recv("talk")
    enter("kept")
    durable.set_event("state", heard)
    durable.write_stream("log", 2)
    add(1, 2)
    durable.set_event("state", "told")
    durable.close_stream("log")
    return enter("again")


@contextmanager
def unseen() -> Iterator[None]:
    """Do something on the test's own connection: no process dies at it."""
    machine = ledger.machine
    assert machine is not None
    crasher, machine.crasher = machine.crasher, None
    try:
        with using(machine.observer):
            yield
    finally:
        machine.crasher = crasher


@contextmanager
def using(connection: Any) -> Iterator[None]:
    """Use another connection for a block."""
    present, connections[USING] = connections[USING], connection
    try:
        yield
    finally:
        connections[USING] = present


def told() -> None:
    """Start one that has all it waits for."""
    telling.using(workflow_id=ID).start()
    durable.send(ID, "heard", "talk")


def family() -> None:
    """Start a parent, whose child sleeps."""
    definitions.family.using(workflow_id=ID).start()


def to_end(driver: Driver) -> None:
    driver.settle()


def ready(driver: Driver) -> None:
    """Leave it in its queue."""


def cancelled(driver: Driver) -> None:
    """Cancel while the child sleeps."""
    driver.work()
    Workflow.objects.cancel_one(ID)


def after(start: Act, live: Script, act: Act) -> Script:
    """Return a script: what was there before, what an operator does, the rest."""

    def script(driver: Driver) -> None:
        with unseen():
            start()
            live(driver)
        ledger.facts["started"] = True
        act()
        with unseen():
            driver.settle()

    return script


def again(act: Act) -> Script:
    """Return what an operator does who never got an answer."""

    def script(driver: Driver) -> None:
        ledger.problems += halves()
        if ledger.facts.get("started"):
            act()
        driver.recover()

    return script


def halves() -> list[str]:
    """Say what was done by half."""
    rows = Workflow.objects.in_bulk()
    problems = [f"{pk} is gone, its steps are not" for pk in _owners() - rows.keys()]
    if COPY in rows and rows[COPY].name == telling.name:
        kept = Step.objects.filter(workflow=COPY, step_id__lte=KEPT).count()
        problems += [f"the copy has {kept} steps"] if kept < KEPT else []
    for queue in Queue.objects.all():
        if (queue.paused_at is None) != (queue.pause_reason == ""):
            problems.append(f"{queue} is half paused")
        problems += beyond_limits(queue)
    return problems


def beyond_limits(queue: Queue) -> list[str]:
    """Say what is not as the limits of a queue have it."""
    problems = []
    rows = Workflow.objects.filter(queue_name=queue.name)
    running = rows.filter(status="PENDING").count()
    if queue.concurrency is not None and running > queue.concurrency:
        problems.append(f"{queue} has more running than it may")
    started = rows.filter(started_at__isnull=False).count()
    noted = sum(QueueStart.objects.values_list("number", flat=True))
    if queue.rate is not None and noted != started:
        problems.append(f"{queue} has {started} started, and {noted} noted")
    return problems


def _owners() -> set[str]:
    return set(Step.objects.values_list("workflow_id", flat=True))


def fork() -> None:
    Workflow.objects.fork_one(ID, KEPT + 1, options=ForkOptions(COPY))


def restart() -> None:
    Workflow.objects.restart_one(ID, ForkOptions(COPY))


def delete() -> None:
    Workflow.objects.filter(pk=ID).delete()


def prune() -> None:
    Workflow.objects.prune(older_than=0)


def pause_and_resume() -> None:
    """Pause the queue of all, see that nothing is taken from it, and resume it."""
    Queue.objects.pause(QUEUE, "moving", "ana")
    with unseen():
        pairs = [(definitions.transactions.name, "*")]
        if Workflow.objects.claim(uuid4(), pairs, limit=1):
            ledger.problems.append("something was taken from a paused queue")
    Queue.objects.resume(QUEUE)


def limit_and_lift() -> None:
    """Let nothing be taken from the queue of all, see that it is so, and lift that."""
    Queue.objects.limit(QUEUE, concurrency=0)
    with unseen():
        pairs = [(definitions.transactions.name, "*")]
        if Workflow.objects.claim(uuid4(), pairs, limit=1):
            ledger.problems.append("something was taken from a full queue")
    Queue.objects.limit(QUEUE)


def within_limits(driver: Driver) -> None:
    """Execute two workflows, one after the other, of a queue that has limits."""
    with unseen():
        Queue.objects.limit(QUEUE, concurrency=1, rate=5, period=60)
        for pk in (ID, COPY):
            definitions.transactions.using(workflow_id=pk).start()
    for _ in range(2):
        claimed = driver.claim()
        with unseen():
            ledger.problems += halves()
            for row in claimed:
                driver.run(row)
    with unseen():
        driver.settle()


def within_limits_again(driver: Driver) -> None:
    """Let the dead one's place be free, and go on."""
    ledger.problems += halves()
    driver.recover()
    ledger.problems += halves()


def fork_in_step(driver: Driver) -> None:
    """Fork while the first step after the kept ones runs."""
    process = connections[USING]

    def fork_seen() -> None:
        # It is the operator's process that dies, and this one lives on.
        with using(process), suppress(Crash, DatabaseError):
            fork()

    with unseen():
        told()
        ledger.facts["started"] = True
        ledger.hooks["add"] = fork_seen
        driver.settle()


def fork_running(driver: Driver) -> None:
    """Fork as somebody who waits until the workflow has come so far."""
    ledger.problems += halves()
    driver.recover()
    if ledger.facts.get("started"):
        fork()
    driver.settle()


def prune_later(driver: Driver) -> None:
    """Prune when what has ended is an hour old."""
    ledger.problems += halves()
    driver.clock.move_to(driver.clock.now() + timedelta(hours=1))
    prune()
    driver.recover()


def pruned(driver: Driver) -> None:
    """Let several workflows end, and prune them when they are an hour old."""
    with unseen():
        family()
        definitions.error.using(workflow_id="other").start()
        driver.settle()
    ledger.facts["started"] = True
    prune_later(driver)


def program(name: str, script: Script, expected: Any, **options: Any) -> Program:
    """Write a program whose workers have what operators deal with."""
    code = (telling.name, definitions.__name__)
    return Program(name, script, expected, code=code, **options)


def twice(result: Any) -> dict[str, tuple[str, Any]]:
    """Expect the same of a workflow and of its copy."""
    return success(result) | {COPY: ("SUCCESS", result)}


TWO_ENDS = ["again", "again", "kept"]
GONE: dict[str, tuple[str, Any]] = {}

OPERATIONS = [
    program(
        "fork",
        after(told, to_end, fork),
        twice("again"),
        again=again(fork),
        entries=TWO_ENDS,
    ),
    program(
        "fork of a running one",
        fork_in_step,
        twice("again"),
        again=fork_running,
        entries=TWO_ENDS,
    ),
    program(
        "restart",
        after(
            definitions.transactions.using(workflow_id=ID).start,
            to_end,
            restart,
        ),
        twice("onetwo"),
        again=again(restart),
        entries=["one", "one", "two", "two"],
    ),
    program(
        "delete",
        after(family, to_end, delete),
        GONE,
        again=again(delete),
        entries=["late", "parent", "slept"],
    ),
    program(
        "delete after a cancellation",
        after(family, cancelled, delete),
        GONE,
        again=again(delete),
        entries=["parent"],
    ),
    program(
        "pause of a queue",
        after(
            definitions.transactions.using(workflow_id=ID).start,
            ready,
            pause_and_resume,
        ),
        success("onetwo"),
        again=again(pause_and_resume),
        entries=["one", "two"],
    ),
    program(
        "limit of a queue",
        after(
            definitions.transactions.using(workflow_id=ID).start,
            ready,
            limit_and_lift,
        ),
        success("onetwo"),
        again=again(limit_and_lift),
        entries=["one", "two"],
    ),
    program(
        "claims within limits",
        within_limits,
        twice("onetwo"),
        again=within_limits_again,
        entries=["one", "one", "two", "two"],
    ),
    program(
        "prune",
        pruned,
        GONE,
        again=prune_later,
        entries=["kept", "late", "parent", "slept"],
    ),
]


def operation(name: str) -> Program:
    """Return one of them."""
    return next(each for each in OPERATIONS if each.name == name)
