"""T-03: workers are told to stop, politely and less so, while 16 steps run."""

import signal
from itertools import cycle

import pytest

from django_durable.models import Step, Worker, Workflow
from tests.chaos import workflows
from tests.chaos.checker import Ended
from tests.journeys.processes import wait_until
from tests.journeys.workflows import held

pytestmark = pytest.mark.django_db(transaction=True)

SLOTS = 16
LONGEST_SECONDS = 20.0
OPTIONS = ("--concurrency=8", "--async-concurrency=8", "--drain=40")
# What is sent, and the exit code that it leads to.
WAYS = {
    "SIGTERM": ([signal.SIGTERM], 0),
    "five SIGTERMs": ([signal.SIGTERM] * 5, 1),
    "SIGHUP": ([signal.SIGHUP], -signal.SIGHUP),
    "SIGINT": ([signal.SIGINT], 0),
    "SIGTERM twice": ([signal.SIGTERM] * 2, 1),
}
# The others are in tests/journeys too.
NEW_WAYS = 3


@pytest.mark.chaos("T-03 stopped workers", share=2)
def test_a_stopping_worker_ends_its_steps_and_takes_no_more(
    dose, fleet, checker, ledger
):
    shift = Shift(dose, fleet, checker, ledger)

    with checker.watching():
        for way, _ in zip(cycle(WAYS), dose.rounds(NEW_WAYS), strict=False):
            shift.work()
            shift.stop(*WAYS[way])
            dose.count(way)
        fleet.start(*OPTIONS)
        shift.wait()

    checker.verify(shift.expected)


class Shift:
    """Keeps one worker busy with 16 steps, and sends it away.

    One of the steps ends only when it may, so that the worker has to wait for it.
    """

    def __init__(self, dose, fleet, checker, ledger):
        self.expected = {}
        self._dose = dose
        self._fleet = fleet
        self._checker = checker
        self._ledger = ledger
        self._worker = None
        self._gate = ""
        self._longest = max(0.3, min(LONGEST_SECONDS, dose.slice / 5))

    def work(self):
        """Have 16 steps run in a new worker."""
        self._worker = self._fleet.start(*OPTIONS)
        self._gate = f"held-{len(self.expected)}"
        held.using(workflow_id=self._gate).start(self._gate)
        self.expected[self._gate] = Ended((1, self._gate, 2))
        self._start(SLOTS - 1, self._longest)
        wait_until(self._is_busy, "16 running steps", timeout=60)

    def stop(self, signals, code):
        """Send signals to the worker, and judge how it leaves."""
        first, *others = signals
        self._worker.signal(first)
        if code < 0:
            self._checker.excuse(self._worker.pid)
        else:
            self._drain(others)
        assert self._worker.ended(timeout=5 if code else 45) == code
        if code == 0:
            self._assert_all_was_recorded()
        self._ledger.open(self._gate)

    def wait(self):
        """Wait until everything has ended."""
        rows = Workflow.objects.exclude(status="SUCCESS")
        wait_until(lambda: not rows.exists(), "everything ends", timeout=60)

    def _drain(self, more_signals):
        """Watch the worker leave; let it finish, or send it away at once."""
        rows = Worker.objects.filter(pid=self._worker.pid, state="draining")
        wait_until(rows.exists, "the worker drains")
        late = self._start(2, 0)
        for number in more_signals:
            self._checker.excuse(self._worker.pid)
            self._worker.signal(number)
        if not more_signals:
            self._ledger.open(self._gate)
        self._worker.ended(timeout=45)
        claims = Workflow.objects.filter(pk__in=late).values_list("claim", flat=True)
        assert set(claims) == {0}

    def _assert_all_was_recorded(self):
        """Nothing that the worker had begun is lost, or still held."""
        rows = Worker.objects.filter(pid=self._worker.pid)
        held = Workflow.objects.filter(status="PENDING", worker__in=rows.values("pk"))
        assert not held.exists()
        assert all(call.has_ended for call in self._calls())
        begun = {call.workflow_id for call in self._calls()}
        recorded = Step.objects.filter(workflow_id__in=begun, step_id=1)
        assert recorded.count() == len(begun)

    def _is_busy(self):
        places = [call.place for call in self._calls()]
        return len(places) >= SLOTS and f"{self._gate}/2" in places

    def _calls(self):
        return [call for call in self._ledger.calls() if call.pid == self._worker.pid]

    def _start(self, count, longest):
        """Start workflows whose first step takes so long at most."""
        ids = []
        for number in range(len(self.expected), len(self.expected) + count):
            definition = (workflows.long_steps, workflows.along_steps)[number % 2]
            seconds = self._dose.chance.uniform(longest / 8, longest)
            ids.append(f"long-{number}")
            self.expected[ids[-1]] = Ended(number + 2)
            definition.using(workflow_id=ids[-1]).start(number, seconds)
        return ids
