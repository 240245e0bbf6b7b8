"""A worker that has nothing to do finds what comes."""

from datetime import timedelta

import pytest

from tests.journeys import workflows

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("fault", ["", "deaf"], ids=["hints", "no hints"])
def test_an_idle_worker_finds_what_is_started(fault, processes):
    processes.worker(JOURNEY_FAULTS=fault)
    assert workflows.leaf.start(1).get_result(timeout=5) == 3
    assert workflows.aleaf.start(1).get_result(timeout=5) == 3


def test_an_idle_worker_starts_what_was_delayed(processes):
    processes.worker(JOURNEY_FAULTS="deaf")

    handle = workflows.leaf.using(run_after=timedelta(seconds=1)).start(1)

    assert handle.get_result(timeout=5) == 3
