"""crash_everywhere() knows of what workflows say to each other."""

import pytest

import django_durable as durable
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
