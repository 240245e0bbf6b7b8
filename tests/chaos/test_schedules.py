"""T-39, T-15: schedules tick each second, while workers are killed, clocks jump, and
the server crashes."""

import time
from datetime import timedelta

import pytest
from django.db import connection

from django_durable import clock
from django_durable.models import Schedule, Tick, Workflow
from tests.chaos import workflows
from tests.chaos.checker import Ended
from tests.chaos.fleet import Fleet
from tests.chaos.test_clocks import JUMPS
from tests.journeys import ledger as notes
from tests.journeys.processes import wait_until

pytestmark = pytest.mark.django_db(transaction=True)

SECOND = timedelta(seconds=1)
# What a machine with much to do may need to make up for what was missed.
PATIENCE = 40


@pytest.fixture
def fleet(dose, transactional_db, tmp_path):
    """Fork workers that declare schedules."""
    with fleet_of(dose, tmp_path) as fleet:
        yield fleet


def fleet_of(dose, directory):
    """Return a fleet whose workers declare as many schedules as the dose has."""
    return Fleet(directory, CHAOS_SCHEDULES=str(dose.pick(2, 20)))


@pytest.mark.chaos("T-39 ticks, killed workers", share=3)
def test_each_tick_comes_once_whoever_is_killed(dose, fleet, checker, tmp_path):
    checker.excuses = lambda call: True
    for _ in range(dose.pick(2, 10)):
        fleet.start(faults=jump(dose))

    with checker.watching():
        wait_until(Tick.objects.exists, "a tick", timeout=PATIENCE)
        for _ in dose.beats(0.5, tiny=1.5):
            dose.chance.choice(fleet.running).kill()
            fleet.start(faults=jump(dose))
            dose.count("kills")
        expected = come_to_rest()

    dose.count("jumps", len(list(notes.lines(tmp_path / "jumps"))))
    judge(dose, checker, expected)


@pytest.mark.chaos("T-39 ticks, crashes of the server", share=3, server=True)
def test_each_tick_comes_once_whenever_the_server_crashes(
    dose, server, tmp_path, checker
):
    checker.excuses = lambda call: True
    with fleet_of(dose, tmp_path) as fleet, checker.watching():
        workers = [fleet.start(is_ready=True) for _ in range(2)]
        for _ in dose.beats(0, tiny=0.5):
            wait_for_a_tick(dose)
            server.stop("immediate")
            time.sleep(dose.pick(0.2, dose.chance.uniform(0, 5)))
            server.start()
            connection.close()  # It was one of that server's.
            dose.count("crashes")
        expected = come_to_rest()
        assert all(worker.is_running for worker in workers)
        assert "Traceback" not in fleet.log

    judge(dose, checker, expected)


def jump(dose):
    """Return what makes the clock of a worker jump when it has called some steps."""
    return f"shift:call:{dose.chance.randrange(1, 4)}:{dose.chance.choice(JUMPS)}"


def wait_for_a_tick(dose):
    """Return at about the beginning of a second."""
    wait_until(Tick.objects.exists, "a tick", timeout=PATIENCE)
    left = 1 - clock.now().microsecond / 1e6
    time.sleep(max(0.0, left + dose.chance.uniform(-0.03, 0.03)))


def come_to_rest():
    """Pause when all has been made up for; return how each workflow is to end."""
    rows = Schedule.objects.filter(workflow_name=workflows.tick.name)
    wait_until(
        lambda: not rows.filter(next_at__lt=clock.now() - SECOND).exists(),
        "that nothing is overdue",
        timeout=PATIENCE,
    )
    for row in rows:
        assert rows.pause(row.name)
    wait_until(
        lambda: not Workflow.objects.active().exists(),
        "the end of all workflows",
        timeout=PATIENCE,
    )
    return {
        tick.workflow_id: Ended(tick.scheduled_at.second + 1)
        for tick in Tick.objects.all()
    }


def judge(dose, checker, expected):
    """Say whether each second had one tick, and each tick one workflow."""
    late = []
    for row in Schedule.objects.filter(workflow_name=workflows.tick.name):
        found = list(row.ticks.order_by("scheduled_at"))
        moments = [tick.scheduled_at for tick in found]
        assert moments == [moments[0] + n * SECOND for n in range(len(moments))]
        assert row.next_at == moments[-1] + SECOND
        late += [
            (tick.created_at - tick.scheduled_at).total_seconds() for tick in found
        ]
    assert len(expected) == Tick.objects.count() == Workflow.objects.count()
    dose.count("ticks", len(expected))
    dose.spread("lateness", late)
    checker.verify(expected)
