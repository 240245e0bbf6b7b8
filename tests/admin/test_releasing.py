"""A dead letter is released from its page or the list, in a queue that one chooses."""

import pytest
from django.contrib.admin.models import LogEntry
from django.urls import reverse

from django_durable.models import Workflow
from django_durable.testing import run_until_idle
from tests.admin.pages import LIST, answer, begun, hidden, page, queued

pytestmark = pytest.mark.django_db

Status = Workflow.Status
RUNS = reverse("admin:django_durable_bulk")
DEAD = {
    "status": Status.MAX_RECOVERY_ATTEMPTS_EXCEEDED,
    "recovery_attempts": 3,
    "stalls": 4,
}
BAD_NAMES = ["x" * 65, "a\nb", "a\x00b", "a,b"]


@pytest.fixture
def dead():
    """Return a workflow that has killed its workers."""
    workflow = queued()
    Workflow.objects.update(**DEAD)
    return workflow


@pytest.fixture
def releaser(client, operator):
    """Log in somebody who may resume."""
    operator("view_workflow", "resume_workflow")
    return client


def row():
    """Return queue, status and what counts of the past of the workflow."""
    found = Workflow.objects.exclude(name="django_durable.bulk").get()
    return found.queue_name, found.status, found.recovery_attempts, found.stalls


def test_it_is_released_in_the_queue_that_was_chosen(releaser, dead):
    asked = releaser.get(page(dead, "resume")).text
    given = answer(queue_name=" <slow> ", reason="more memory")
    told = releaser.post(page(dead, "resume"), given, follow=True).text

    assert 'name="queue_name"' in asked
    assert row() == ("<slow>", Status.ENQUEUED, 0, 0)
    assert "in the queue “&lt;slow&gt;”" in told
    (entry,) = LogEntry.objects.filter(object_id=dead.pk)
    assert "in the queue “<slow>”" in entry.change_message
    assert "more memory" in entry.change_message


def test_left_empty_it_stays_in_its_queue(releaser, dead):
    releaser.post(page(dead, "resume"), answer(queue_name=""))

    assert row() == ("default", Status.ENQUEUED, 0, 0)


@pytest.mark.parametrize("name", BAD_NAMES)
def test_a_name_that_no_queue_can_have_is_sent_back(releaser, dead, name):
    before = row()

    told = releaser.post(page(dead, "resume"), answer(queue_name=name))

    assert told.status_code == 200
    assert list(told.context["form"].errors) == ["queue_name"]
    assert row() == before
    assert not LogEntry.objects.exists()


def confirmation(client, workflow, **given):
    """Choose one in the list; return the fields of the page that asks, filled in."""
    chosen = {"action": "resume_selected", "_selected_action": workflow.pk}
    asked = client.post(LIST, chosen).text
    return {**hidden(asked), "reason": "", **given}


def test_many_are_released_in_the_queue_that_was_chosen(releaser, dead):
    fields = confirmation(releaser, dead, queue_name="slow")

    shown = releaser.post(RUNS, fields, follow=True).text
    run_until_idle()

    assert "→ <bdi>slow</bdi>" in shown
    assert row() == ("slow", Status.SUCCESS, 0, 0)
    of_it, of_run = LogEntry.objects.order_by("object_id")
    if of_it.object_id != dead.pk:
        of_it, of_run = of_run, of_it
    assert "in the queue “slow”" in of_it.change_message
    assert "in the queue “slow”" in of_run.change_message


@pytest.mark.parametrize("name", BAD_NAMES[:2])
def test_nothing_begins_with_a_name_that_no_queue_can_have(releaser, dead, name):
    before = row()

    told = releaser.post(RUNS, confirmation(releaser, dead, queue_name=name))
    run_until_idle()

    assert list(told.context["form"].errors) == ["queue_name"]
    assert row() == before


def test_an_order_of_before_there_was_a_choice_is_carried_out(root, dead):
    begun(root, "resume", ids=[dead.pk], count=1)

    run_until_idle()

    assert row() == ("default", Status.SUCCESS, 0, 0)


@pytest.mark.once
def test_other_actions_offer_no_queue(client, root, dead):
    asked = [client.get(page(dead, name)).text for name in ("restart", "delete")]
    chosen = {"action": "restart_selected", "_selected_action": dead.pk}
    asked.append(client.post(LIST, chosen).text)

    assert not any("queue_name" in text for text in asked)
