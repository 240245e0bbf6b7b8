"""Writes that somebody else was faster with, or whose answer got lost."""

import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import OperationalError, connection, connections, transaction

import django_durable as durable
from django_durable.exceptions import ClaimLost
from django_durable.execution.checkpoints import CheckpointWriter
from django_durable.models import Step, Worker, Workflow
from django_durable.models.checkpoint import Checkpoint, Recorded, Verdict
from django_durable.models.outcome import Outcome
from tests.crash.driver import Driver, MovableClock
from tests.interleaving import SECONDS, Elsewhere, elsewhere, needs_row_locks
from tests.models import Entry

pytestmark = pytest.mark.django_db(transaction=True)

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
NOW = datetime(2030, 1, 1, tzinfo=UTC)
calls: list[str] = []
inside: list[Callable[[], object]] = []


def called(name: str) -> None:
    """Count a call; the first one is disturbed by what a test has put inside."""
    calls.append(name)
    if inside:
        inside.pop()()


@durable.step
def note(text: str) -> str:
    called(text)
    return text


@durable.transaction
def write(key: str) -> str:
    Entry.objects.create(key=key)
    called(key)
    return key


@durable.workflow
def noting() -> list[str]:
    return [note("a"), note("b")]


@durable.workflow
def writing() -> list[str]:
    return [write("a"), write("b")]


@durable.workflow
def ending() -> str:
    called("end")
    return "ended"


@pytest.fixture
def driver(movable: MovableClock) -> Driver:
    """A worker of this thread."""
    calls.clear()
    inside.clear()
    return Driver(movable, __name__)


def execute(driver: Driver, definition: Any) -> Any:
    """Start, claim and execute a workflow once."""
    definition.using(workflow_id="w").start()
    (claimed,) = driver.claim()
    return driver.run(claimed)


def take_over(driver: Driver) -> None:
    """Let another worker take everything."""
    Worker.objects.filter(pk=driver.worker_id).update(heartbeat_at=LONG_AGO)
    Worker.objects.declare_dead()
    Workflow.objects.requeue_abandoned()
    assert Driver(driver.clock, __name__).claim() != []


def checkpoint(step_id: int = 1, **changes: Any) -> Checkpoint:
    row = Checkpoint(
        workflow_id="w",
        branch="",
        step_id=step_id,
        claim=1,
        name=note.name,
        kind="step",
        output='json:"theirs"',
        error=None,
        child_id=None,
        worker_id=None,
        started_at=NOW,
        completed_at=NOW,
    )
    return row._replace(**changes)


# Somebody else was faster.


def test_an_ordinary_step_of_a_zombie_is_refused_and_ends_it(driver):
    inside.append(lambda: elsewhere(lambda: take_over(driver)))

    execution = execute(driver, noting)

    assert isinstance(execution.ending, ClaimLost)
    assert calls == ["a"]
    assert Step.objects.count() == 0


def test_a_transaction_step_of_a_zombie_rolls_back(driver):
    if not connection.features.has_select_for_update:
        pytest.skip("Nobody takes over while this transaction holds the only lock.")
    inside.append(lambda: elsewhere(lambda: take_over(driver)))

    execution = execute(driver, writing)

    assert isinstance(execution.ending, ClaimLost)
    assert Entry.objects.count() == Step.objects.count() == 0


def test_the_outcome_of_a_zombie_is_refused(driver):
    inside.append(lambda: elsewhere(lambda: take_over(driver)))

    execution = execute(driver, ending)

    assert isinstance(execution.ending, ClaimLost)
    row = Workflow.objects.get()
    assert (row.status, row.output, row.claim) == ("PENDING", None, 3)


def test_a_step_that_somebody_else_recorded_first_is_adopted(driver):
    inside.append(lambda: elsewhere(lambda: Step.objects.record([checkpoint()])))

    execute(driver, noting)

    assert Workflow.objects.get().output == 'json:["theirs","b"]'
    assert calls == ["a", "b"]


def test_a_transaction_that_somebody_else_committed_first_is_adopted(driver):
    if not connection.features.has_select_for_update:
        pytest.skip("Nobody commits while this transaction holds the only lock.")
    theirs = checkpoint(name=write.name, kind="transaction")
    inside.append(lambda: elsewhere(lambda: Step.objects.record([theirs])))

    execute(driver, writing)

    assert Workflow.objects.get().output == 'json:["theirs","b"]'
    assert list(Entry.objects.values_list("key", flat=True)) == ["b"]


# The answer to a COMMIT was lost.


class Network:
    """Cuts this thread's connection at its next COMMIT."""

    def __init__(self, own: Any) -> None:
        self._own = own

    def cut_before(self) -> None:
        """Let the next COMMIT not arrive."""
        self._arm(lambda: None)

    def cut_after(self) -> None:
        """Let the next COMMIT happen and its answer be lost."""
        self._arm(self._own._commit)

    def heal(self) -> None:
        """Let every COMMIT pass."""
        self._own.__dict__.pop("_commit", None)

    def _arm(self, happen: Callable[[], object]) -> None:
        def commit() -> None:
            self.heal()
            happen()
            self._own.connection.close()
            raise OperationalError("server closed the connection unexpectedly")

        self._own.__dict__["_commit"] = commit


@pytest.fixture
def network() -> Iterator[Network]:
    """The network between this thread and the database."""
    network = Network(connections["default"])
    yield network
    network.heal()


def test_a_transaction_whose_commit_answer_was_lost_is_not_repeated(driver, network):
    inside.append(network.cut_after)

    execute(driver, writing)

    assert Workflow.objects.get().output == 'json:["a","b"]'
    assert calls == ["a", "b"]
    assert Entry.objects.count() == 2


def test_a_transaction_whose_commit_never_arrived_is_repeated(driver, network):
    inside.append(network.cut_before)

    execute(driver, writing)

    assert Workflow.objects.get().output == 'json:["a","b"]'
    assert calls == ["a", "a", "b"]
    assert Entry.objects.count() == 2


def lose_first_answer(monkeypatch: pytest.MonkeyPatch, rows: type, name: str) -> None:
    """Let a write of a queryset happen, and its first answer be lost."""
    real = getattr(rows, name)
    lost: list[object] = []

    def write_and_lose(self: Any, *args: Any) -> Any:
        answer = real(self, *args)
        if not lost:
            lost.append(answer)
            raise OperationalError("server closed the connection unexpectedly")
        return answer

    monkeypatch.setattr(rows, name, write_and_lose)


def test_a_checkpoint_whose_answer_was_lost_is_found_by_the_writer(driver, monkeypatch):
    noting.using(workflow_id="w").start()
    driver.claim()
    lose_first_answer(monkeypatch, type(Step.objects.all()), "record")

    recorded = CheckpointWriter("default", lambda: False).write(checkpoint())

    assert recorded.verdict is Verdict.CONFLICT
    assert recorded.checkpoint.output == checkpoint().output
    assert Step.objects.count() == 1


def test_an_outcome_whose_answer_was_lost_counts_as_written(driver, monkeypatch):
    ending.using(workflow_id="w").start()
    driver.claim()
    lose_first_answer(monkeypatch, type(Workflow.objects.all()), "finish")
    outcome = Outcome("w", 1, "SUCCESS", None, None, NOW)

    recorded = CheckpointWriter("default", lambda: False).write(outcome)

    assert recorded.verdict is Verdict.RECORDED
    assert Workflow.objects.get().status == "SUCCESS"


# Groups.


class SlowWriter(CheckpointWriter):
    """Gathers rows behind its first one until somebody lets it go on."""

    def __init__(self) -> None:
        super().__init__("default", lambda: False)
        self.batches: list[int] = []
        self.may_go_on = threading.Event()

    def _store(self, rows: Any) -> list[Recorded]:
        self.batches.append(len(rows))
        assert self.may_go_on.wait(SECONDS)
        return super()._store(rows)

    def write_together(self, first: Any, *others: Any) -> list[Elsewhere[Recorded]]:
        """Have all rows written, ``others`` in one batch."""
        writes = [Elsewhere(lambda: self.write(first))]
        await_that(lambda: self.batches == [1])
        for number, row in enumerate(others, 1):
            writes.append(Elsewhere(lambda row=row: self.write(row)))
            await_that(lambda number=number: len(self._queue) == number)
        self.may_go_on.set()
        return writes


def await_that(is_so: Callable[[], bool]) -> None:
    give_up_at = time.monotonic() + SECONDS
    while not is_so():
        assert time.monotonic() < give_up_at
        time.sleep(0.001)


@pytest.fixture
def writer() -> Iterator[SlowWriter]:
    """A writer that ends with the test."""
    writer = SlowWriter()
    yield writer
    writer.may_go_on.set()
    writer.close()
    if writer._thread is not None:
        writer._thread.join(SECONDS)


def test_a_refused_row_does_not_take_its_batch_along(driver, writer):
    noting.using(workflow_id="w").start()
    driver.claim()
    refused = checkpoint(3, name=None)

    writes = writer.write_together(checkpoint(1), checkpoint(2), refused, checkpoint(4))

    results = [writes[number].result().verdict for number in (0, 1, 3)]
    assert results == [Verdict.RECORDED] * 3
    with pytest.raises(Exception, match=r"(?i)null"):
        writes[2].result()
    assert writer.batches == [1, 3, 1, 1, 1]
    assert sorted(Step.objects.values_list("step_id", flat=True)) == [1, 2, 4]


def test_a_row_of_a_zombie_is_refused_without_its_batch(driver, writer):
    noting.using(workflow_id="w").start()
    driver.claim()

    writes = writer.write_together(checkpoint(1), checkpoint(2), checkpoint(3, claim=0))

    verdicts = [write.result().verdict for write in writes]
    assert verdicts == [Verdict.RECORDED, Verdict.RECORDED, Verdict.FENCED]
    assert writer.batches == [1, 2]


def test_a_busy_row_does_not_stall_the_others_of_its_batch(driver, writer):
    needs_row_locks()
    for pk in ("u", "v", "w"):
        ending.using(workflow_id=pk).start()
    driver.claim()
    driver.claim()
    ends = [Outcome(pk, 1, "SUCCESS", None, None, NOW) for pk in ("u", "v", "w")]

    with transaction.atomic():
        Workflow.objects.select_for_update().get(pk="v")
        writes = writer.write_together(*ends)
        verdicts = [write.result().verdict for write in writes]

    assert verdicts == [Verdict.RECORDED, Verdict.BUSY, Verdict.RECORDED]
    assert writer.batches == [1, 2]
    assert Workflow.objects.get(pk="v").status == "PENDING"
