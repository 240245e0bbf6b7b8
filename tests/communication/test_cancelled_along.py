"""What a workflow hears of a child that is cancelled along with it: nothing."""

from typing import Any

import pytest

import django_durable as durable
from django_durable import clock
from django_durable.execution import waiting
from django_durable.models import Step, Workflow
from tests.crash.driver import Driver, MovableClock


@durable.workflow
def telling() -> str:
    durable.sleep(60)
    durable.set_event("key", "said")
    durable.write_stream("stream", "said")
    return "said"


@durable.workflow
def asking() -> Any:
    return telling.start().get_result()


@durable.workflow
def choosing() -> Any:
    return durable.first_of(durable.on_result(telling.start()))[1]


@durable.workflow
def choosing_event() -> Any:
    return durable.first_of(durable.on_event(telling.start(), "key"))[1]


@durable.workflow
def reading_event() -> Any:
    return durable.get_event(telling.start(), "key", timeout=None, default="nothing")


@durable.workflow
def reading_stream() -> Any:
    return next(durable.read_stream(telling.start(), "stream"), "nothing")


@pytest.mark.parametrize(
    "definition", [asking, choosing, choosing_event, reading_event, reading_stream]
)
def test_its_end_by_the_same_cancellation_is_not_recorded(
    transactional_db, monkeypatch, definition
):
    movable, real, cancelled = MovableClock(), waiting.wait, []
    monkeypatch.setattr(clock, "now", movable.now)

    def wait(*args, **options):
        if not cancelled:
            cancelled.extend(Workflow.objects.cancel_one("w", "enough") * ["w"])
        return (yield from real(*args, **options))

    monkeypatch.setattr(waiting, "wait", wait)
    definition.using(workflow_id="w").start()
    driver = Driver(movable, __name__)
    driver.settle()
    assert [step.kind for step in Step.objects.all()] == ["start"]

    Workflow.objects.resume_one("w")
    driver.settle()

    assert durable.retrieve_workflow("w").get_result(timeout=0) == "said"
