"""The message of an error that patterns hide: shown nowhere, and not found either."""

import pytest
from django.urls import reverse

import django_durable as durable
from django_durable.definitions import registry
from tests.admin.pages import LIST, page

pytestmark = pytest.mark.django_db

LISTS = ("changelist", "export_csv", "export_json")


class Down(Exception):
    pass


@durable.step
def leaks():
    raise Down("token of a customer")


@durable.workflow
def gives_up():
    leaks()


def hide(monkeypatch, *patterns):
    """Give the step patterns as ``redact=`` does, for this test only.

    They hold for the errors of all workflows: which step raised one is not stored.
    """
    monkeypatch.setitem(registry._redactions, f"{__name__}.leaks", patterns)


@pytest.fixture(autouse=True)
def failed():
    with pytest.raises(Down):
        gives_up.using(workflow_id="ends")()


@pytest.mark.once
def test_what_a_step_hides_stays_hidden_when_it_ends_the_workflow(
    client, operator, cli, monkeypatch
):
    hide(monkeypatch, "error")
    operator("view_workflow", "view_workflow_data")
    lists = [reverse(f"admin:django_durable_workflow_{name}") for name in LISTS]
    dashboard = reverse("admin:app_list", args=["django_durable"])
    places = [page("ends"), f"{page('ends', 'payload')}?of=error", dashboard, *lists]

    for place in (*places, page("ends", "export")):
        found = client.get(place)
        text = b"".join(found).decode()
        assert "Down" in text, place
        assert "token of a customer" not in text, place
    for words in (["show", "ends"], ["show", "ends", "--json"]):
        assert "token of a customer" not in cli(*words).out


@pytest.mark.parametrize(
    ("hidden", "message_is_found"), [((), True), (("error",), False)]
)
def test_a_hidden_message_is_not_found_by_the_search(
    client, operator, monkeypatch, hidden, message_is_found
):
    operator("view_workflow", "view_workflow_data")
    hide(monkeypatch, *hidden)

    def found(text):
        return "ends" in client.get(LIST, {"q": f"error:{text}"}).text

    assert found("down")
    assert found("customer") == message_is_found
    assert not found("gives_up")  # It stands in the traceback.


@pytest.mark.once
def test_a_workflow_that_hides_its_error_alone_is_not_found_by_it(
    client, operator, monkeypatch
):
    operator("view_workflow", "view_workflow_data")
    monkeypatch.setattr(gives_up, "redact", ("error",))

    assert "ends" in client.get(LIST, {"q": "error:down"}).text
    assert "ends" not in client.get(LIST, {"q": "error:customer"}).text
