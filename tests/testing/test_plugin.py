"""The fixtures that pytest finds by itself."""

import os

import pytest

from django_durable.models import Worker, Workflow
from tests.running import PATIENCE
from tests.testing import workflows
from tests.testing.workflows import Declined
from tests.workflows import calls, total


def test_the_durable_fixture_holds_the_tools_and_the_time(durable):
    with durable.fail_step("charge", Declined, times=1):
        handle = workflows.remind.start(3)
        durable.run_until_idle()
        assert handle.get_status() == "WAITING"
        durable.advance(hours=1)
        durable.run_until_idle()
    durable.run_for(days=3)

    assert handle.get_result() == "reminded"
    durable.assert_steps(handle, ["charge", "sleep", "enter"])
    assert calls[0] == "charge"


def test_the_durable_fixture_crashes_everywhere(durable):
    def scenario():
        handle = workflows.remind.start(3)
        durable.run_for(days=3)
        return handle.get_result()

    assert durable.crash_everywhere(scenario) >= 20


def test_the_durable_fixture_leaves_nothing_behind(durable):
    assert not Workflow.objects.exists()


def test_a_worker_process_executes_what_a_test_starts(durable_worker):
    handle = total.start(1, 2)

    assert handle.get_result(timeout=PATIENCE) == 3
    assert Worker.objects.get().pid == durable_worker.pid != os.getpid()


@pytest.mark.once
def test_a_worker_process_can_be_killed_and_started_again(durable_worker):
    durable_worker.stop()
    durable_worker.start("--concurrency=1")
    assert Worker.objects.get(pid=durable_worker.pid).concurrency == 1

    durable_worker.kill()
    handle = total.start(1, 2)
    durable_worker.start()

    assert handle.get_result(timeout=PATIENCE) == 3
    assert durable_worker.stop() == 0


@pytest.mark.once
def test_a_worker_process_has_the_settings_of_the_test(durable_worker, settings):
    durable_worker.stop()
    settings.DURABLE = {"CONCURRENCY": 3}

    durable_worker.start()

    assert Worker.objects.get(pid=durable_worker.pid).concurrency == 3


@pytest.mark.once
def test_two_workers_at_once_are_refused(durable_worker):
    with pytest.raises(RuntimeError, match="runs already"):
        durable_worker.start()


@pytest.mark.once
def test_the_fixture_says_why_a_worker_did_not_start(durable_worker):
    durable_worker.stop()

    with pytest.raises(pytest.fail.Exception, match="concurrency must be"):
        durable_worker.start("--concurrency=-1")
