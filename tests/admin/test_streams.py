"""A stream has a page, live or not, for those who may see streams."""

import html
import re

import pytest
from django.urls import reverse

import django_durable as durable
from django_durable.admin import streams
from django_durable.models import Stream
from django_durable.testing import run_until_idle

pytestmark = [pytest.mark.django_db, pytest.mark.once]

PAGE = reverse("admin:django_durable_stream")


@durable.workflow
def counts(number):
    for value in range(number):
        durable.write_stream("log", f"<b>line {value}")


@pytest.fixture
def written():
    counts.using(workflow_id="counts").start(5)
    run_until_idle()


@pytest.mark.usefixtures("written")
def test_a_stream_is_shown_live_where_channels_is_and_else_page_by_page(
    client, operator, monkeypatch
):
    operator("view_workflow", "view_stream")
    asked = {"workflow": "counts", "key": "log"}

    live = client.get(PAGE, asked).text
    monkeypatch.setattr(streams, "find_spec", lambda name: None)
    monkeypatch.setattr(streams, "PER_PAGE", 2)
    last = client.get(PAGE, asked).text
    first = client.get(PAGE, {**asked, "offset": "0"}).text
    beyond = client.get(PAGE, {**asked, "offset": "9" * 30}).text

    assert "<durable-stream" in live
    assert "stream.js" in live
    assert "<durable-stream" not in last
    assert "&lt;b&gt;line 4" in last
    assert "&lt;b&gt;line 0" in first
    assert "line 2" not in first
    assert "offset=2" in first
    assert "line 4" in beyond
    assert "<b>line" not in live + last + first


@durable.workflow(redact=["log"])
def whispers():
    durable.write_stream("log", "4111 1111")


def test_a_stream_with_something_to_hide_is_not_live_and_tells_of_more(
    client, operator
):
    operator("view_workflow", "view_stream")
    whispers.using(workflow_id="whispers").start()
    run_until_idle()
    asked = {"workflow": "whispers", "key": "log"}

    text = client.get(PAGE, asked).text
    (address,) = re.findall(r'dd-live="([^"]+)"', text)
    (version,) = re.findall(r'dd-version="([^"]+)"', text)
    before = client.get(html.unescape(address)).json()["version"]
    Stream.objects.update(next_offset=2)
    after = client.get(html.unescape(address)).json()["version"]

    assert "4111" not in text
    assert "•••" in text
    assert "<durable-stream" not in text
    assert before == version != after


@pytest.mark.usefixtures("written")
def test_a_stream_needs_its_permission_and_must_exist(client, operator):
    operator("view_workflow")
    asked = {"workflow": "counts", "key": "log"}
    assert client.get(PAGE, asked).status_code == 403

    operator("view_stream")
    for wrong in ({}, {"workflow": "nobody"}, {"key": "other"}, {"key": "\x00"}):
        given = {**asked, **wrong} if wrong else {}
        assert client.get(PAGE, given).status_code == 404
