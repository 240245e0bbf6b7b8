"""New workflows and messages out of the console: restart, fork, start, send."""

import json
from dataclasses import dataclass
from datetime import date
from enum import Enum
from typing import Literal

import pytest
from django.urls import reverse

import django_durable as durable
from django_durable.admin.actions import json_field, schemas
from django_durable.definitions import registry
from django_durable.models import Workflow
from django_durable.testing import run_until_idle
from tests import workflows
from tests.admin.pages import answer, finished, hidden, page, queued

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.once,
    pytest.mark.usefixtures("root"),
]

START = reverse("admin:django_durable_workflow_start")
Status = Workflow.Status


# Restart and fork.


def test_a_restart_is_a_new_workflow_and_a_double_click_makes_one(client, root):
    origin = finished()
    given = answer(reason="wrong price")

    first = client.post(page(origin, "restart"), given)
    second = client.post(page(origin, "restart"), given)

    made = Workflow.objects.get(forked_from=origin.pk)
    assert made.status == Status.ENQUEUED
    assert first["Location"] == second["Location"] == page(made)
    assert "wrong price" in root.logentry_set.get().get_change_message()


def test_a_fork_shows_first_what_is_kept_and_what_runs_again(client, root):
    origin = finished()

    asked = client.get(page(origin, "fork"), {"step": "2"})
    given = {**hidden(asked.text), "reason": "", "queue_name": "repair", "version": ""}
    client.post(page(origin, "fork"), given)
    client.post(page(origin, "fork"), given)

    assert "1 step is kept" in asked.text
    assert "2 steps are executed again, with their side effects" in asked.text
    made = Workflow.objects.get(forked_from=origin.pk)
    assert root.logentry_set.count() == 1
    assert made.queue_name == "repair"
    assert [step.step_id for step in made.steps.all()] == [1]
    assert "Made from" in client.get(page(made)).text
    assert made.pk in client.get(page(origin)).text


def test_a_fork_may_begin_after_the_last_step(client):
    origin = finished()

    asked = client.get(page(origin, "fork"), {"step": "4"})

    assert "3 steps are kept" in asked.text
    assert client.get(page(origin, "fork"), {"step": "5"}).status_code == 302


def test_the_fork_page_asks_for_a_step_when_there_is_none(client):
    assert "Show what would happen" in client.get(page(finished(), "fork")).text


# Delete.


def test_a_deleted_workflow_is_gone_and_the_log_remembers_it(client, root):
    workflow = finished()

    asked = client.get(page(workflow, "delete"))
    done = client.post(page(workflow, "delete"), answer(reason="GDPR"), follow=True)

    assert "cannot be brought back" in asked.text
    assert "It was deleted." in done.text
    assert not Workflow.objects.filter(pk=workflow.pk).exists()
    entry = root.logentry_set.get()
    assert (entry.object_id, "GDPR" in entry.change_message) == (workflow.pk, True)


# Send.


class Choice(Enum):
    YES = 1
    NO = 2


@dataclass
class Approval:
    granted: bool
    level: int
    by: str = "nobody"
    until: date | None = None
    kind: Literal["first", "second"] = "first"


TOPIC = "approval"


@durable.workflow
def approves():
    decision = durable.recv(TOPIC, schema=Approval)
    note = durable.recv("note")
    return [decision.level, decision.by, str(decision.until), note]


def approving():
    approves.using(workflow_id="w").start()
    run_until_idle()
    return Workflow.objects.get(pk="w")


def test_a_message_with_a_schema_has_a_form_and_is_sent_once(client, root):
    workflow = approving()
    form = client.get(page(workflow, "send"))
    given = {
        **hidden(form.text),
        "message_granted": "on",
        "message_level": "3",
        "message_until": "2026-05-01",
        "message_kind": "second",
        "reason": "",
    }

    client.post(page(workflow, "send"), given)
    client.post(page(workflow, "send"), given)
    run_until_idle()
    client.post(page(workflow, "send"), answer(topic="note", message='"ok"'))
    run_until_idle()

    workflow.refresh_from_db()
    assert 'name="message_level"' in form.text
    assert workflow.notifications.filter(topic="approval").count() == 1
    assert json.loads(workflow.output[5:]) == [3, "nobody", "2026-05-01", "ok"]
    assert "note" in root.logentry_set.first().change_message
    assert root.logentry_set.count() == 2


def test_a_message_that_its_schema_refuses_is_not_sent(client):
    workflow = approving()
    given = answer(topic="approval", message_level="many", message_kind="third")

    found = client.post(page(workflow, "send"), given)

    assert found.status_code == 200
    assert {"message_level", "message_kind"} <= set(found.context["form"].errors)
    assert not workflow.notifications.exists()


def test_a_message_that_is_no_json_is_not_sent(client):
    workflow = approving()

    for text in ("[", "", "NaN", "[" * 100_000, " " * 300_000 + "1"):
        found = client.post(page(workflow, "send"), answer(topic="x", message=text))
        assert found.status_code == 200, text[:9]
        assert "message" in found.context["form"].errors, text[:9]
    assert not workflow.notifications.exists()


def test_a_topic_that_is_none_is_refused(client):
    workflow = approving()

    found = client.post(page(workflow, "send"), answer(topic="\0", message="1"))

    assert found.status_code == 200
    assert not workflow.notifications.exists()


def test_a_schema_is_found_in_the_source_of_a_workflow():
    assert schemas.schema_for(approves.name, "approval") is Approval
    assert schemas.schema_for(approves.name, "note") is None
    assert schemas.schema_for("no.such.workflow", "approval") is None


def test_every_type_of_a_schema_has_a_field():
    @dataclass
    class Odd:
        name: str
        choice: Choice
        amounts: list[int]
        half: float = 0.5

    fields = schemas.message_fields(Odd)

    assert fields["choice"].clean("NO") is Choice.NO
    assert fields["amounts"].clean("[1, 2]") == [1, 2]
    assert not fields["half"].required
    cleaned = {"name": "x", "choice": Choice.YES, "amounts": [], "half": None}
    assert "half" not in schemas.message_of(Odd, cleaned)


class Info:
    """What pydantic tells about a field."""

    def __init__(self, annotation, default=...):
        self.annotation, self.default = annotation, default

    def is_required(self):
        return self.default is ...


class Model:
    """Stands for a pydantic model."""

    model_fields = {"amount": Info(int), "note": Info(str | None, "–")}


def test_a_pydantic_model_has_a_form_too():
    fields = schemas.message_fields(Model)

    assert fields["amount"].clean("5") == 5
    assert (fields["amount"].required, fields["note"].required) == (True, False)
    assert fields["note"].initial == "–"


# Start.


@durable.workflow(admin=True)
def offered(number, *, twice=False):
    return workflows.add(number, number if twice else 0)


def test_a_workflow_that_is_offered_can_be_started_once(client, root):
    form = client.get(START)
    given = {
        **hidden(form.text),
        "name": offered.name,
        "args": "[21]",
        "kwargs": '{"twice": true}',
        "reason": "by hand",
    }

    client.post(START, given)
    client.post(START, given)
    run_until_idle()

    workflow = Workflow.objects.get()
    assert workflow.output == "json:42"
    assert "by hand" in root.logentry_set.get().change_message


def test_what_exists_is_not_started_again_and_that_is_told(client, root):
    given = answer(name=offered.name, args="[1]", kwargs="", workflow_id="mine")

    client.post(START, given)
    again = client.post(START, {**given, **answer()}, follow=True)

    assert "nothing new begins" in again.text
    assert Workflow.objects.get().pk == "mine"
    assert root.logentry_set.count() == 1


def test_the_id_of_another_workflow_is_an_error_of_the_form(client, root):
    queued(workflow_id="mine")
    given = answer(name=offered.name, args="[1]", kwargs="", workflow_id="mine")

    found = client.post(START, given)

    assert "mine" in str(found.context["form"].errors["__all__"])
    assert root.logentry_set.count() == 0


NO_STARTS = (
    ({"name": "no.such.workflow"}, "name"),
    ({"name": workflows.total.name}, "name"),
    ({"args": "["}, "args"),
    ({"args": "{}"}, "args"),
    ({"args": "[]"}, "__all__"),
    ({"args": "[1, 2, 3]"}, "__all__"),
    ({"kwargs": '{"other": 1}'}, "__all__"),
    ({"args": "[" + "1," * 150_000 + "1]"}, "args"),
    ({"args": "[" * 100_000 + "]" * 100_000}, "args"),
    ({"workflow_id": "a/b"}, "__all__"),
    ({"workflow_id": "\0"}, "workflow_id"),
    ({"queue_name": "a,b"}, "__all__"),
    ({"nonce": "x"}, "nonce"),
)


def test_a_start_that_cannot_be_is_an_error_of_its_field(client):  # B19
    given = answer(name=offered.name, args="[1]", kwargs="")

    for changes, field in NO_STARTS:
        found = client.post(START, {**given, **changes})
        assert found.status_code == 200, changes.keys()
        assert field in found.context["form"].errors, changes.keys()
    assert not Workflow.objects.exists()


def test_only_what_its_author_offers_is_in_the_form(client):
    text = client.get(START).text

    assert offered.name in text
    assert workflows.total.name not in text
    assert registry.find(workflows.total.name).admin is False


def test_admin_takes_a_truth_value():
    with pytest.raises(TypeError, match="admin must be True or False"):
        durable.workflow(admin="yes")(lambda: None)


# JSON.


@pytest.mark.parametrize("depth", [100, 101])
def test_brackets_are_counted_outside_of_strings(depth):
    text = "[" * depth + '"[[[{\\"[["' + "]" * depth

    if depth == 100:
        json_field.parse(text)
    else:
        with pytest.raises(json_field.ValidationError):
            json_field.parse(text)
