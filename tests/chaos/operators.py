"""People who do this and that to workflows while their workers are killed."""

from collections.abc import Callable
from typing import Any, NamedTuple

import django_durable as durable
from django_durable.exceptions import InvalidTransition, WorkflowNotFound
from django_durable.models import Step, Workflow
from django_durable.models.forks import ForkOptions
from django_durable.models.status import ACTIVE, TERMINAL, Status
from tests.chaos import workflows
from tests.chaos.checker import Checker, Ended
from tests.chaos.dose import Dose
from tests.journeys import ledger
from tests.models import Entry

REFUSED = InvalidTransition, WorkflowNotFound
# With a child, a step: before it is started, a fork shares nothing.
START = 4
PRUNED_SECONDS = 0.3
# How often somebody does this rather than that.
WEIGHTS = {
    "start": 4,
    "cancel": 4,
    "resume": 5,
    "restart": 2,
    "fork": 5,
    "delete": 3,
    "cancel and delete": 1,
    "prune": 1,
    "pause a queue": 1,
    "resume a queue": 4,
    "limit a queue": 2,
    "lift limits": 3,
}
QUEUE = "default"
# Its limits never change; see test_operations.py.
FEW = "few"


class Known(NamedTuple):
    """What a workflow, or a copy of it, comes to."""

    result: int
    has_child: bool


class Operators:
    """Choose a workflow and something to do, again and again.

    They know what must come of it: ``expected`` is for the checker. What belongs
    to a workflow outside of our tables goes with it: a copy takes the business rows
    and the calls of its kept steps along, and what is deleted leaves nothing.
    """

    def __init__(self, dose: Dose, checker: Checker) -> None:
        self.expected: dict[str, Ended] = {}
        self._dose = dose
        self._chance = dose.chance
        self._checker = checker
        self._known: dict[str, Known] = {}
        self._started = 0
        self._ways: dict[str, Callable[[], bool]] = {
            "start": self.start,
            "cancel": self._cancel,
            "resume": self._resume,
            "restart": self._restart,
            "fork": self._fork,
            "delete": self._delete,
            "cancel and delete": self._cancel_and_delete,
            "prune": self._prune,
            "pause a queue": lambda: durable.pause_queue(QUEUE, "for now"),
            "resume a queue": lambda: durable.resume_queue(QUEUE),
            "limit a queue": self._limit,
            "lift limits": lambda: durable.limit_queue(QUEUE),
        }

    def act(self) -> None:
        """Do something to somebody; it may be refused."""
        (action,) = self._chance.choices([*WEIGHTS], [*WEIGHTS.values()])
        done = self._ways[action]()
        self._dose.count(action if done else "refused", 1)

    def resume_all(self) -> None:
        """Let half of what is cancelled go on, and the queue in any case."""
        durable.resume_queue(QUEUE)
        durable.limit_queue(QUEUE)
        for pk in sorted(self._ids(Status.CANCELLED))[::2]:
            self._resume_one(pk)

    def has_ended(self) -> bool:
        """Tell whether nothing is active."""
        return not Workflow.objects.active().exists()

    def start(self) -> bool:
        number, kind = self._started, self._started % 3
        self._started += 1
        options = {"workflow_id": f"w-{number}"}
        if number % 2:
            options["queue_name"] = FEW
        pk = options["workflow_id"]
        has_child = kind == 1
        if kind:
            definition: Any = (workflows.journey, workflows.ajourney)[kind - 1]
            self._know(pk, workflows.journey_result(number, has_child), has_child)
            definition.using(**options).start(number, has_child)
        else:
            self._know(pk, workflows.report_result(number), False)
            workflows.report.using(**options).start(number)
        return True

    def _limit(self) -> bool:
        concurrency = self._chance.choice([None, 0, 1, 3])
        rate, period = self._chance.choice([(None, None), (1, 0.05), (5, 0.2)])
        return durable.limit_queue(
            QUEUE, concurrency=concurrency, rate=rate, period=period
        )

    def _know(self, pk: str, result: int, has_child: bool) -> None:
        self._known[pk] = Known(result, has_child)
        self.expected[pk] = Ended(result)

    def _forget(self, pk: str) -> None:
        """Take away what a workflow has left outside of our tables."""
        del self._known[pk], self.expected[pk]
        Entry.objects.filter(key__startswith=f"{pk}/").delete()
        self._checker.forgive(pk)

    def _ids(self, *statuses: str) -> set[str]:
        rows = Workflow.objects.filter(status__in=statuses)
        return set(rows.values_list("pk", flat=True)) & self._known.keys()

    def _choose(self, *statuses: str, alone: bool = False) -> str | None:
        """Pick one, mostly of these statuses; ``alone``: one without a child."""
        mostly = self._chance.random() < 0.9
        ids = self._ids(*statuses) if mostly else {*self._known}
        some = sorted(pk for pk in ids if not (alone and self._known[pk].has_child))
        return self._chance.choice(some) if some else None

    def _cancel(self) -> bool:
        pk = self._choose(*ACTIVE)
        return pk is not None and self._cancel_one(pk)

    def _cancel_one(self, pk: str) -> bool:
        if not durable.cancel_workflow(pk, "for now"):
            return False
        self._checker.note_cancelled(pk)
        self.expected[pk] = Ended(status=Status.CANCELLED)
        return True

    def _resume(self) -> bool:
        pk = self._choose(Status.CANCELLED)
        return pk is not None and self._resume_one(pk)

    def _resume_one(self, pk: str) -> bool:
        family = [pk, *Workflow.objects.filter(parent=pk).values_list("pk", flat=True)]
        for each in family:  # What ran when it was cancelled may run beside it.
            self._checker.excuse_workflow(each)
        try:
            durable.resume_workflow(pk)
        except REFUSED:
            return False
        for each in family:
            self._checker.forgive(each)
        self.expected[pk] = Ended(self._known[pk].result)
        return True

    def _restart(self) -> bool:
        pk = self._choose(*Status)
        return pk is not None and self._copy(pk, 1)

    def _fork(self) -> bool:
        pk = self._choose(*Status)
        if pk is None:
            return False
        last = START if self._known[pk].has_child else 9
        return self._copy(pk, self._chance.randrange(0, last))

    def _copy(self, pk: str, from_step: int) -> bool:
        copy = f"{pk.partition('+')[0]}+{len(self._known)}-{self._chance.random()}"
        try:
            Workflow.objects.fork_one(pk, from_step, options=ForkOptions(copy))
        except REFUSED:
            return False
        self._know(copy, *self._known[pk])
        self._take_along(copy, from_step)
        return True

    def _take_along(self, copy: str, from_step: int) -> None:
        """Count the effects of the kept steps as the copy's own."""
        kept = Step.objects.filter(workflow=copy, step_id__lt=from_step)
        for step in kept.filter(kind__in=("step", "transaction")):
            place = f"{copy}/{step.step_id}"
            if step.kind == "transaction":
                Entry.objects.create(key=place, note=str(step.claim))
            for event in ("begin", "end"):
                ledger.append("ledger", [event, place, copy, step.claim, 1, 0])
        self._dose.count("kept steps", kept.count())

    def _delete(self) -> bool:
        pk = self._choose(*TERMINAL, alone=True)
        return pk is not None and self._delete_one(pk)

    def _cancel_and_delete(self) -> bool:
        """Drop what may be in the middle of a step."""
        pk = self._choose(*ACTIVE, alone=True)
        return pk is not None and self._cancel_one(pk) and self._delete_one(pk)

    def _delete_one(self, pk: str) -> bool:
        if self._known[pk].has_child:
            return False  # A copy's step would name a child that is gone.
        try:
            durable.delete_workflow(pk)
        except REFUSED:
            return False
        self._forget(pk)
        return True

    def _prune(self) -> bool:
        alone = sorted(pk for pk in self._known if not self._known[pk].has_child)
        some = self._chance.sample(alone, min(5, len(alone)))
        rows = Workflow.objects.filter(pk__in=some)
        pruned = rows.prune(older_than=PRUNED_SECONDS)
        gone = set(some) - set(rows.values_list("pk", flat=True))
        assert pruned == len(gone)
        for pk in gone:
            self._forget(pk)
        return pruned > 0
