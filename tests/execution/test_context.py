"""What running code is told about itself, and what is recorded for it."""

import datetime as dt
import logging
import uuid

import pytest

import django_durable as durable
from tests.running import COLD, in_loop, result_of, steps_of, worker
from tests.workflows import calls

pytestmark = pytest.mark.django_db(transaction=True)

seen = []


@pytest.fixture(autouse=True)
def nothing_seen():
    seen.clear()


@durable.step(max_attempts=3, interval=0)
def look_in_a_step():
    seen.append(durable.current())
    durable.logger.warning("in the step")
    if len(seen) < 3:
        raise ValueError("again")


@durable.workflow
def look():
    body = durable.current()
    durable.logger.warning("in the body", extra={"customer": 7})
    durable.sleep(0)
    look_in_a_step()
    return [body.workflow_id, body.step_id, body.step_attempt, body.idempotency_key]


@durable.workflow
def draw():
    drawn = [durable.now(), durable.uuid4(), durable.random()]
    seen.append(drawn)
    durable.sleep(0.1)
    return drawn


@durable.workflow
async def adraw():
    drawn = [await durable.anow(), await durable.auuid4(), await durable.arandom()]
    seen.append(drawn)
    await durable.asleep(0.1)
    return drawn


@durable.step
async def alook_in_a_step():
    return [durable.workflow_id(), durable.current().step_id]


@durable.workflow
async def alook():
    return [durable.workflow_id(), await alook_in_a_step()]


def test_outside_of_workflows_there_is_no_context():
    assert durable.current() is None
    assert durable.workflow_id() is None


def test_the_body_knows_its_workflow_and_no_step():
    with durable.SetWorkflowID("order-1"):
        assert look() == ["order-1", None, None, None]


def test_a_step_knows_its_place_its_attempt_and_a_key_for_all_attempts():
    with durable.SetWorkflowID("order-1"):
        look()

    assert {context.workflow_id for context in seen} == {"order-1"}
    assert [context.step_id for context in seen] == [2, 2, 2]
    assert [context.step_attempt for context in seen] == [1, 2, 3]
    assert len({context.idempotency_key for context in seen}) == 1
    assert seen[0].idempotency_key == "order-1/2"
    assert seen[0].deadline is None


def test_async_code_knows_where_it_is():
    with worker():
        handle = alook.using(workflow_id="order-1").start()
        assert result_of(handle) == ["order-1", ["order-1", 1]]


def test_the_logger_adds_the_ids_to_its_records(caplog):
    with caplog.at_level(logging.WARNING), durable.SetWorkflowID("order-1"):
        look()

    body, *steps = [r for r in caplog.records if r.name == "django_durable.workflow"]
    assert (body.workflow_id, body.step_id, body.customer) == ("order-1", None, 7)
    assert [(r.step_id, r.step_attempt) for r in steps] == [(2, 1), (2, 2), (2, 3)]


def test_the_logger_works_outside_of_workflows_too(caplog):
    durable.logger.warning("outside")

    assert caplog.records[-1].workflow_id == ""


@pytest.mark.parametrize("definition", [draw, adraw])
def test_time_and_chance_are_recorded(settings, definition):
    settings.DURABLE = COLD

    with worker():
        handle = definition.start()
        drawn = result_of(handle)

    assert seen == [drawn, drawn]
    assert [type(value) for value in drawn] == [dt.datetime, uuid.UUID, float]
    assert drawn[0].utcoffset() == dt.timedelta(0)
    names = [name for _, _, name in steps_of(handle)]
    assert names == ["now", "uuid4", "random", "sleep"]


def test_time_and_chance_outside_of_workflows_are_just_that():
    assert durable.now() <= durable.now()
    assert durable.uuid4() != durable.uuid4()
    assert 0 <= durable.random() < 1
    assert in_loop(durable.auuid4) != in_loop(durable.auuid4)
    assert calls == []
