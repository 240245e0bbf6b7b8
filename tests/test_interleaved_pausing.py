"""Queues are paused and resumed while somebody claims, or does the same."""

import pytest
from django.db import connections, transaction

from django_durable.models import Queue, Workflow
from tests.crash.crasher import USING
from tests.crash.driver import Driver, MovableClock
from tests.emptying import empty
from tests.interleaving import Elsewhere, meetings
from tests.racing import CODE, clean, noting

pytestmark = pytest.mark.django_db(transaction=True)

QUEUES = ("other", "reports")


@pytest.fixture
def driver(movable: MovableClock) -> Driver:
    """A worker of this thread, whose clock is stopped."""
    return Driver(movable, CODE)


def ready(*, is_paused: bool) -> None:
    """Have one workflow ready in each queue."""
    empty(connections[USING], (Queue,))
    clean()
    for name in QUEUES:
        noting.using(workflow_id=name, queue_name=name).start()
    if is_paused:
        Queue.objects.pause("reports")


def taken() -> list[str]:
    rows = Workflow.objects.filter(status="PENDING").order_by("pk")
    return list(rows.values_list("pk", flat=True))


def pause() -> list[str]:
    """Pause; return what was taken when that had committed."""
    assert Queue.objects.pause("reports")
    return taken()


def test_no_claim_takes_anything_after_the_commit_of_a_pause(driver):
    before = []

    for met in meetings(lambda: ready(is_paused=False), driver.claim, pause):
        before.append("reports" in met.there)
        assert ("reports" in taken()) == ("reports" in met.there), met.point
        assert "other" in taken(), met.point
        assert [row.id for row in driver.claim()] == [], met.point

    # Where a claim looks first, the pause came between the two as well.
    assert before[0] is False
    looks = connections[USING].vendor == "sqlite"
    assert before.count(False) >= (2 if looks else 1)


def test_a_resumption_during_a_claim_loses_nothing(driver):
    def resume() -> bool:
        return Queue.objects.resume("reports")

    for met in meetings(lambda: ready(is_paused=True), driver.claim, resume):
        assert met.there is True, met.point
        driver.claim()
        assert taken() == ["other", "reports"], met.point
        assert Workflow.objects.filter(claim=1).count() == 2, met.point


@pytest.mark.parametrize("switch", ["pause", "resume"])
@pytest.mark.parametrize("is_rolled_back", [False, True])
def test_of_two_operators_at_once_one_takes_and_the_other_is_told_so(
    switch, is_rolled_back
):
    if switch == "resume":
        Queue.objects.pause("reports", by="eve")

    def act(by: str) -> bool:
        if switch == "pause":
            return Queue.objects.pause("reports", f"said {by}", by)
        return Queue.objects.resume("reports")

    with transaction.atomic():
        first = act("ana")
        second = Elsewhere(lambda: act("bob"))
        second.let_run()
        transaction.set_rollback(is_rolled_back)

    assert (first, second.result()) == (True, is_rolled_back)
    row = Queue.objects.get()
    if switch == "pause":
        winner = "bob" if is_rolled_back else "ana"
        assert (row.paused_by, row.pause_reason) == (winner, f"said {winner}")
    else:
        assert row.paused_at is None
