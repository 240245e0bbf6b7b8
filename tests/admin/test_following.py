"""Open pages follow what they show, and tell what is new."""

import re
from html import unescape

import pytest
from django.urls import reverse

from django_durable.models import Workflow
from tests.admin.pages import LIST, page, queued

pytestmark = pytest.mark.django_db


def followed(text):
    """Return the address that a page asks while it is open."""
    return unescape(re.search(r'data-dd-live="([^"]+)"', text)[1])


def test_a_list_tells_how_many_are_new(client, operator):
    operator("view_workflow")
    queued()
    address = followed(client.get(LIST, {"queue": "default"}).text)
    assert client.get(address).json()["news"] == ""

    queued()
    queued()
    queued(queue_name="another")

    assert client.get(address).json()["news"] == "2 new — show"


def test_a_list_that_has_changed_its_state_is_new_to_a_filter(client, operator):
    operator("view_workflow")
    workflow = queued()
    address = followed(client.get(LIST, {"state": "cancelled"}).text)

    workflow.cancel()

    assert client.get(address).json()["news"] == "1 new — show"


@pytest.mark.parametrize("bad", ["since=x", "since=2026-99-99T00:00Z", "state=%00", ""])
def test_an_address_that_nobody_wrote_has_no_news(client, operator, bad):
    operator("view_workflow")
    queued()
    address = f"{reverse('admin:django_durable_api_rows')}?{bad}"
    if bad.startswith("state"):
        address += "&since=2020-01-01T00:00Z"

    assert client.get(address).json()["news"] == ""


@pytest.mark.once
def test_pages_on_which_new_rows_would_not_stand_do_not_ask(client, operator):
    operator("view_workflow")
    queued()

    for query in ("?o=5", "?all=", "?p=1"):
        assert "since=" not in followed(client.get(LIST + query).text), query


@pytest.mark.once
def test_a_row_is_followed_in_all_that_changes(client, operator):
    operator("view_workflow")
    workflow = queued()
    text = client.get(LIST).text
    Workflow.objects.filter(pk=workflow.pk).update(
        summary="<b>\u202e", recovery_attempts=2
    )

    (cells,) = client.get(followed(text)).json()["rows"].values()

    for name in cells:
        assert f'data-dd-row="{workflow.pk}" data-dd-cell="{name}"' in text
    assert cells["summary"] == "<b>⟨U+202E⟩"
    assert cells["progress"] == "0 steps ↻2"


@pytest.mark.once
def test_the_head_of_a_page_is_followed_in_all_that_changes(client, operator):
    operator("view_workflow")
    workflow = queued()
    text = client.get(page(workflow)).text

    (cells,) = client.get(followed(text)).json()["rows"].values()

    for name in cells:
        assert f'data-dd-row="{workflow.pk}" data-dd-cell="{name}"' in text
    assert {"summary", "queued", "ran", "executions"} < set(cells)
