"""T-42: whoever forks while it waits leaves two processes that can wait."""

import pytest

import django_durable as durable
from tests.chaos import forking
from tests.chaos.checker import Ended
from tests.journeys.ledger import lines
from tests.journeys.processes import wait_until

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.chaos("T-42 forks", share=1)
def test_parent_and_child_wait_after_a_fork(dose, fleet, checker, tmp_path):
    fleet.start("--concurrency=4", "--async-concurrency=4", LEASE=20.0)
    count = dose.pick(6, 100)
    forking.ticker.using(workflow_id="ticker").start(count)
    process = fleet.call("tests.chaos.forking.family", "ticker", count)

    for number in range(count):
        wait_until(lambda: both_wait(process, tmp_path, number), "two who wait")  # noqa: B023
        durable.send("ticker", number, "tick")

    assert process.ended(timeout=30) == 0
    both = [[who, n, n] for n in range(count) for who in ("child", "parent")]
    assert sorted(lines(tmp_path / "ticks")) == sorted(both)
    assert list(lines(tmp_path / "heard")) == [["the end"]]
    assert list(lines(tmp_path / "result")) == [[count]]
    dose.count("forks", count)
    checker.verify({"ticker": Ended(count)})


def both_wait(process, directory, number):
    """Tell whether parent and child wait for a tick; fail when they cannot any more."""
    assert process.is_running
    waiting = list(lines(directory / "waiting"))
    return ["parent", number] in waiting and ["child", number] in waiting
