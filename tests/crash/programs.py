"""What happens in each experiment: a script, and what follows a crash of it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from asgiref.sync import async_to_sync
from django.db import transaction

from django_durable.models import Workflow
from tests.crash import definitions
from tests.crash.driver import Driver
from tests.crash.ledger import ledger
from tests.crash.story import Story
from tests.models import Entry

Script = Callable[[Driver], object]
ID = "w"


@dataclass(frozen=True)
class Program:
    """``script`` is what a process does, ``again`` what the next one does after it
    has died; ``expected`` the status and the result, or the error, of each workflow.
    ``is_free`` where a crash may change what comes first, hence the steps.
    ``code`` begins the names of the definitions that its workers have.
    """

    name: str
    script: Script
    expected: dict[str, tuple[str, Any]]
    again: Script = Driver.recover
    entries: list[str] = field(default_factory=list)
    is_free: bool = False
    code: tuple[str, ...] = (definitions.__name__,)

    def __str__(self) -> str:
        return self.name


def start(definition: Any, *args: Any) -> None:
    """Start a workflow and remember that the caller was told so."""
    definition.using(workflow_id=ID).start(*args)
    ledger.facts["started"] = True


def started(definition: Any, *args: Any) -> Script:
    """Return the script of a workflow that is started and executed."""

    def script(driver: Driver) -> None:
        start(definition, *args)
        driver.settle()

    return script


def start_in_view(driver: Driver) -> None:
    """Start within a transaction that writes as well."""
    with transaction.atomic():
        Entry.objects.create(key="view")
        with transaction.atomic():
            definitions.transactions.using(workflow_id=ID).start()
    ledger.facts["started"] = True
    driver.settle()


def start_for_sure(driver: Driver) -> None:
    """Start as a client that repeats the start until it gets an answer."""
    if not ledger.facts.get("started"):
        start(definitions.transactions)
    driver.recover()


def several(driver: Driver) -> None:
    """Claim from two queues, by priority, two rows at a time."""
    with transaction.atomic():
        definitions.steps.using(workflow_id="low", priority=-5).start()
        definitions.steps.using(workflow_id="other", queue_name="other").start()
        definitions.steps.using(workflow_id="high", priority=5).start()
    driver.settle()


def wait_for_other(driver: Driver) -> None:
    """Wait for a workflow that is not a child, past a time-out."""
    with transaction.atomic():
        definitions.napper.using(workflow_id="other").start()
        definitions.waiter.using(workflow_id=ID).start("other")
    driver.settle()


def hand_over() -> None:
    """Do what a worker that stops does to its executions."""
    for execution in ledger.executions:
        execution.hand_over()


def hand_over_in_step(driver: Driver) -> None:
    """Stop the worker while a step runs; its next self goes on."""
    ledger.hooks["add"] = hand_over
    start(definitions.sleeper)
    driver.settle()


def hand_over_in_branches(driver: Driver) -> None:
    """Stop the worker while one branch works and the other one sleeps."""
    ledger.hooks["aadd"] = hand_over
    start(definitions.sleeping_branches)
    driver.settle()


def cancel() -> None:
    """Cancel, and keep what had been committed when that returned."""
    Workflow.objects.cancel_one(ID, "enough")
    ledger.facts["at cancel"] = Story.read()


def cancel_waiting(driver: Driver) -> None:
    """Cancel a parent that waits for a child that sleeps."""
    start(definitions.family)
    driver.work()
    cancel()
    driver.settle()


def cancel_in_child(driver: Driver) -> None:
    """Cancel a parent while a step of its called child runs."""
    ledger.hooks["add"] = cancel
    start(definitions.caller)
    driver.settle()


def cancel_late(driver: Driver) -> None:
    """Cancel between the last step and the outcome."""
    ledger.hooks["at the end"] = cancel
    start(definitions.cancelled_at_the_end)
    driver.settle()


def resume(driver: Driver) -> None:
    """Cancel with a child, resume, complete."""
    start(definitions.family)
    driver.work()
    Workflow.objects.cancel_one(ID)
    resume_for_sure(driver)


def resume_for_sure(driver: Driver) -> None:
    """Resume what is cancelled, in another queue; repeat that after a crash."""
    cancelled = Workflow.objects.filter(pk=ID, status="CANCELLED")
    if queues := list(cancelled.values_list("queue_name", flat=True)):
        assert queues == ["default"]  # It moves when it goes on, not before.
        Workflow.objects.resume_one(ID, queue_name="other")
    driver.recover()


def direct_call(driver: Driver) -> None:
    """Call in this thread; after a crash the workers go on."""
    ledger.facts["result"] = definitions.caller.using(workflow_id=ID)()


def direct_call_in_view(driver: Driver) -> None:
    """Call within a transaction of the caller's."""
    with transaction.atomic():
        Entry.objects.create(key="view")
        definitions.caller.using(workflow_id=ID)()


def direct_async_call(driver: Driver) -> None:
    """Call an async workflow from async code."""

    async def call() -> None:
        await definitions.branches.using(workflow_id=ID)()

    async_to_sync(call)()


def success(result: Any, **children: Any) -> dict[str, tuple[str, Any]]:
    """Expect a workflow, and its children by step, to return something."""
    expected = {ID: ("SUCCESS", result)}
    return expected | {
        f"{ID}/{step.removeprefix('step_').replace('_', ':')}": ("SUCCESS", child)
        for step, child in children.items()
    }


CANCELLED = ("CANCELLED", None)

PROGRAMS = [
    Program("start", started(definitions.nothing), success(None)),
    Program(
        "start in a view",
        start_in_view,
        success("onetwo"),
        entries=["one", "two", "view"],
    ),
    Program(
        "start again",
        start_for_sure,
        success("onetwo"),
        again=start_for_sure,
        entries=["one", "two"],
    ),
    Program("step", started(definitions.steps), success(6)),
    Program(
        "transaction",
        started(definitions.transactions),
        success("onetwo"),
        entries=["one", "two"],
    ),
    Program(
        "retry",
        started(definitions.retries),
        success([2, "second"]),
        entries=["second"],
    ),
    Program("sleep", started(definitions.sleeper), success("slept"), entries=["slept"]),
    Program(
        "child called",
        started(definitions.caller),
        success(["called", "caller"], step_1="called"),
        entries=["called", "caller"],
    ),
    Program(
        "short child",
        started(definitions.short_caller),
        success("below", step_1="below"),
        entries=["below"],
    ),
    Program("nap", started(definitions.napper), success("slept"), entries=["slept"]),
    Program(
        "child started",
        started(definitions.starter),
        success(["started", "after"], step_1="started"),
        entries=["after", "started", "starter"],
    ),
    Program(
        "gather",
        started(definitions.gatherer),
        success([3, "gathered", "below", 2], step_3_1="below"),
        entries=["below", "gathered"],
    ),
    Program("values", started(definitions.values), success(True)),
    Program(
        "branches",
        started(definitions.branches),
        success([3, 4, 7]),
        entries=["line 1", "line 2"],
    ),
    Program(
        "sleeping branches",
        started(definitions.sleeping_branches),
        success(["slept", "called"], step_2_2="called"),
        entries=["called", "slept"],
    ),
    Program("claim", several, dict.fromkeys(("low", "other", "high"), ("SUCCESS", 6))),
    Program(
        "suspend and wake",
        wait_for_other,
        success(["slept", "woken"]) | {"other": ("SUCCESS", "slept")},
        entries=["slept", "too early", "woken"],
    ),
    Program(
        "hand-over in a step", hand_over_in_step, success("slept"), entries=["slept"]
    ),
    Program(
        "hand-over of branches",
        hand_over_in_branches,
        success(["slept", "called"], step_2_2="called"),
        entries=["called", "slept"],
    ),
    Program(
        "resume",
        resume,
        success("sleptlate", step_2="slept"),
        again=resume_for_sure,
        entries=["late", "parent", "slept"],
    ),
    Program(
        "outcome: an error",
        started(definitions.error),
        {ID: ("ERROR", "builtins:ValueError: it went wrong")},
        entries=["kept"],
    ),
    Program(
        "direct call",
        direct_call,
        success(["called", "caller"], step_1="called"),
        entries=["called", "caller"],
    ),
    Program(
        "direct call in a view",
        direct_call_in_view,
        success(["called", "caller"], step_1="called"),
        entries=["called", "caller", "view"],
    ),
    Program(
        "direct async call",
        direct_async_call,
        success([3, 4, 7]),
        entries=["line 1", "line 2"],
    ),
]

CANCELLATIONS = [
    Program(
        "cancel while waiting",
        cancel_waiting,
        {ID: CANCELLED, f"{ID}/2": CANCELLED},
        entries=["parent"],
    ),
    Program(
        "cancel while a child runs",
        cancel_in_child,
        {ID: CANCELLED, f"{ID}/1": CANCELLED},
    ),
    Program(
        "cancel before the outcome", cancel_late, {ID: CANCELLED}, entries=["before"]
    ),
]


def named(name: str) -> Program:
    """Return one of them."""
    return next(each for each in PROGRAMS + CANCELLATIONS if each.name == name)
