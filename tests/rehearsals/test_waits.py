"""Rehearsals of what waits: a step that has begun has no record yet."""

import pytest

import django_durable as durable
from django_durable.testing import fail_step, run_until_idle, virtual_time
from tests.rehearsals.definitions import NAME, charge, child

pytestmark = pytest.mark.django_db


def trying():
    charge()


def waiting_instead():
    durable.recv("go")


@pytest.mark.parametrize(
    ("new", "is_found"), [(trying, False), (waiting_instead, True)]
)
def test_a_step_that_is_tried_again_is_known(diverges, new, is_found):
    with virtual_time(), fail_step(charge, OSError("away"), times=1):
        found = diverges(trying, new)

    assert (found is not None) == is_found
    assert found is None or "tried again" in found.recorded


def sleeping():
    durable.sleep(3600)


def first():
    durable.first_of(durable.on_message("go"), durable.on_timer(3600))


def reading():
    durable.get_event("other", "key", timeout=None)


def streaming():
    next(durable.read_stream("other", "lines"))


def starting():
    child.start().get_result()


def calling():
    child()


WAITING = [sleeping, first, reading, streaming, starting, calling, waiting_instead]


@pytest.mark.parametrize("old", WAITING, ids=lambda function: function.__name__)
def test_each_kind_of_wait_fits_itself_and_no_other(deploy, rehearse, old):
    child.using(workflow_id="other").start()
    with virtual_time():
        handle = deploy(old).start()
        run_until_idle()
        found = {}
        for new in WAITING:
            deploy(new)
            (checked,) = [
                each for each in rehearse() if each.workflow_id == handle.workflow_id
            ]
            found[new] = checked.divergence

    fitting = {new for new, divergence in found.items() if divergence is None}
    # What waits for a message may as well be one of several waits.
    assert fitting - {first} == {old} - {first}
    assert old is not first or first in fitting


def test_children_are_checked_on_their_own(deploy, rehearse):
    deploy(calling).start()
    run_until_idle()

    found = rehearse()

    assert [(each.name, each.divergence) for each in found] == [
        (NAME, None),
        ("rehearsed.child", None),
    ]
