"""crash_everywhere() knows of what workflows say to each other."""

import pytest

import django_durable as durable
from django_durable.models import StreamEntry
from django_durable.testing import crash_everywhere, run_until_idle

pytestmark = pytest.mark.django_db


@durable.workflow
def asks(other):
    durable.send(other, durable.workflow_id(), "question")
    _, answer = durable.first_of(durable.on_message("answer"), durable.on_timer(60))
    return [answer, durable.get_event(other, "done")]


@durable.workflow
def answers():
    asker = durable.recv("question")
    durable.write_stream("log", 1)
    durable.send(asker, "yes", "answer")
    durable.set_event("done", True)


def test_a_conversation_ends_the_same_wherever_a_process_dies():
    outcomes = []

    def converse():
        answers.using(workflow_id="second").start()
        first = asks.using(workflow_id="first").start("second")
        run_until_idle()
        outcomes.append(first.get_result())
        return outcomes[-1]

    assert crash_everywhere(converse) > 30

    assert outcomes == [["yes", True]] * len(outcomes)


@durable.step
def writes_words(words):
    for word in words:
        durable.write_stream("words", word, flush=True)


@durable.workflow
def tells(words):
    writes_words(words)


def test_the_last_try_of_a_step_is_told_from_those_that_died():
    repeated = []

    def tell():
        handle = tells.start(["once", "upon", "a", "time"])
        run_until_idle()
        entries = StreamEntry.objects.filter(workflow=handle.workflow_id)
        values = entries.order_by("offset").values_list("claim", "value")
        last = max(claim for claim, _ in values)
        repeated.append(len(values) - 4)
        return [value for claim, value in values if claim == last]

    # The result must be the same wherever it died.
    assert crash_everywhere(tell) > 5

    assert max(repeated) == 4
