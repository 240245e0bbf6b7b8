"""Each question can be asked, and what talks is timed from end to end."""

from importlib import import_module

import pytest

from benchmarks import latency, workflows
from benchmarks.__main__ import QUESTIONS
from tests.running import COLD, worker

TIMES = 3


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_question_has_cases_with_names_of_their_own(name):
    question = import_module(f"benchmarks.{name}").question(quick=True)

    names = [case.name for case in [question.limit, *question.cases]]
    assert len(set(names)) == len(names) > 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("measure", "definition"),
    [
        (latency.until_result, workflows.in_sequence),
        (latency.until_received, workflows.receives),
        (latency.until_received, workflows.areceives),
        (latency.until_event, workflows.sets_events),
        (latency.until_read, workflows.writes_slowly),
    ],
)
def test_each_time_is_measured_once(measure, definition):
    with worker():
        measured = measure(definition, TIMES)

    assert len(measured) == TIMES
    assert min(measured) > 0


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("definition", [workflows.plays, workflows.aplays])
def test_a_round_trip_lies_between_two_arrivals(definition):
    with worker():
        measured = latency.round_trips(definition, TIMES)

    assert len(measured) == TIMES - 1
    assert min(measured) > 0


@pytest.mark.django_db(transaction=True)
def test_a_suspended_workflow_is_measured_from_the_message_on(settings):
    settings.DURABLE = COLD
    with worker():
        measured = latency.until_woken(workflows.receives, TIMES)

    assert len(measured) == TIMES
    assert min(measured) > 0
