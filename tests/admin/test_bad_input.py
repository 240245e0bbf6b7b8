"""Whatever is typed into an address or a form: an answer, never a crash."""

from itertools import product

import pytest
from django.contrib.auth.models import User
from django.core import signing
from django.urls import reverse

from django_durable.bulk import selection
from django_durable.models import Worker, Workflow
from tests.admin.everywhere import NO_MARKUP, addresses
from tests.admin.hostile import EVIL, HIDDEN, written_everywhere
from tests.admin.markup import Markup, inline_code
from tests.admin.pages import LIST, answer, finished, hidden, page, queued
from tests.admin.rows import register

pytestmark = pytest.mark.django_db

Status = Workflow.Status
BULK = reverse("admin:django_durable_bulk")
WORKERS = reverse("admin:django_durable_worker_changelist")


NO_FILTERS = (
    "status__exact=%00",  # B01
    "status__exact=%00&_facets=1",  # B02
    "created_at__year=99999",  # B08
    "created_at__month=13",
    "priority__exact=99999999999999999999999",  # B09
    "inputs__regex=(a%2B)%2B$",  # B10
    "worker__host__startswith=a",
    "_connector=OR 1=1",  # B11
    "foo=bar",
    "state=%00",
    "name=%ED%A0%80%00",
    "host__regex=(a%2B)%2B$",
    "heartbeat_at__year=99999",
    "state__exact=%00",
    "kind__exact=WORKER&kind__exact=%00",
)


@pytest.mark.parametrize("address", [LIST, WORKERS])
def test_a_filter_that_the_list_does_not_have_is_said_to_be_none(client, root, address):
    queued()
    register(host="a" * 26)

    for query in NO_FILTERS:
        response = client.get(f"{address}?{query}")
        assert response.status_code == 302, query
        assert response["Location"] == f"{address}?e=1", query
    shown = client.get(f"{address}?e=1")

    assert shown.status_code == 200
    assert "no such filter" in shown.text


@pytest.mark.parametrize("address", [LIST, WORKERS])
def test_an_odd_order_or_page_is_no_error(client, root, address):
    queued()

    for query in ("o=999", "p=1000000000", "all=1", "p=x", "o=a.b"):
        assert client.get(f"{address}?{query}").status_code in (200, 302), query


def test_another_key_than_the_id_is_refused(client, root):  # B12
    assert client.get(f"{LIST}?_to_field=name").status_code == 400


def test_a_selection_that_does_not_exist_is_told(client, root):  # B03, B04
    queued()

    for chosen in ("nobody", "\0", "x" * 10_000, "💥"):
        given = {"action": "cancel_selected", "_selected_action": chosen}
        response = client.post(LIST, given, follow=True)
        assert response.redirect_chain[0][1] == 302, chosen[:20]
        assert "selection no longer exists" in response.text, chosen[:20]
    assert Workflow.objects.get().status == Status.ENQUEUED


SEARCHES = (
    ("a" * 100_000, "cut at 200 characters"),  # B05
    ("a " * 2000, "cut at 200 characters"),  # B06
    ("a b c d e f g h i j", "first 8 terms"),
    ("attr.a__regex:(", ""),  # B14
    ("attr.customer:'; DROP TABLE django_durable_workflow--", ""),
    ("attr.__class__:x", ""),
    ("attr.a b:x", ""),
    ("attr.a'b:x", "takes a key"),
    ("attr.:x", "takes a key"),
    (f"attr.{'k' * 65}:x", "takes a key"),
    ("error:", ""),
    ("=", ""),
    ("\0 \ud800", ""),
    ("% _ \\ ' \"", ""),
)


def test_every_search_has_an_answer(client, root):
    queued()

    for text, note in SEARCHES:
        sent = text.encode(errors="surrogatepass")
        response = client.get(LIST, {"q": sent})
        assert response.status_code == 200, text[:50]
        assert note in response.text, text[:50]
    assert Workflow.objects.count() == 1


def test_every_search_for_workers_has_an_answer(client, root):
    register(host="left")
    register(host="right")

    for text, note in SEARCHES:
        sent = text.encode(errors="surrogatepass")
        response = client.get(WORKERS, {"q": sent})
        assert response.status_code == 200, text[:50]
        assert "attr" in text or note in response.text, text[:50]
    found = client.get(
        WORKERS, {"q": "le", "kind__exact": Worker.Kind.WORKER, "serving": "yes"}
    )
    assert [row.host for row in found.context["cl"].result_list] == ["left"]


def test_a_workflow_that_does_not_exist_is_not_found(client, root):  # B13
    ids = ("nobody", "%00", "..%2Fx", "x" * 10_000, "💥", "%ED%A0%80")
    for workflow_id, action in product(ids, ("change", "cancel", "fork", "payload")):
        response = client.get(f"{LIST}{workflow_id}/{action}/", follow=True)

        assert response.status_code in (200, 404), (workflow_id[:20], action)
        assert action != "change" or "exist" in response.text, workflow_id[:20]


@pytest.mark.parametrize("text", ["", "x", "tampered", "another user", "too old"])
def test_a_selection_that_is_not_ours_does_nothing(client, root, text, monkeypatch):
    workflow = queued()  # B15
    chosen = {"action": "cancel_selected", "_selected_action": workflow.pk}
    fields = hidden(client.post(LIST, chosen).text)
    if text == "another user":
        client.force_login(User.objects.create_superuser("other"))
    elif text == "too old":
        monkeypatch.setattr(selection, "LASTS_SECONDS", -1)
    elif text == "tampered":
        found = signing.loads(fields["selection"], salt=selection.SALT)
        found["action"] = "delete"
        fields["selection"] = signing.dumps(found, salt="another")
    else:
        fields["selection"] = text

    response = client.post(BULK, fields)

    assert response.status_code == 400
    assert "expired" in response.text
    assert Workflow.objects.get().status == Status.ENQUEUED


@pytest.mark.parametrize("action", ["cancel", "resume"])  # B17
def test_what_is_impossible_is_refused_and_told(client, root, action):
    workflow = finished()

    response = client.post(page(workflow, action), answer(), follow=True)

    assert response.status_code == 200
    assert 'class="success"' not in response.text
    assert Workflow.objects.get(pk=workflow.pk).status == Status.SUCCESS
    assert not root.logentry_set.exists()


def test_an_unfinished_workflow_is_not_deleted(client, root):
    workflow = queued()

    response = client.post(page(workflow, "delete"), answer(), follow=True)

    assert "delete" in response.text
    assert Workflow.objects.filter(pk=workflow.pk).exists()


def test_no_fork_begins_where_no_step_is(client, root):
    workflow = finished()
    count = Workflow.objects.count()

    for step in ("-1", "0", "1000000000", "99999999999", "x", "\0", "1e3"):
        shown = client.get(page(workflow, "fork"), {"step": step}, follow=True)
        given = answer(step=step)
        done = client.post(page(workflow, "fork"), given, follow=True)
        assert (shown.status_code, done.status_code) == (200, 200), step
    assert Workflow.objects.count() == count


def test_a_form_without_its_nonce_does_nothing(client, root):
    workflow = queued()

    for nonce in ({}, {"nonce": ""}, {"nonce": "x" * 10_000}, {"nonce": "\0"}):
        assert client.post(page(workflow, "cancel"), nonce).status_code == 200
    assert Workflow.objects.get().status == Status.ENQUEUED


def everything(client, workflow_id, text):
    """Yield all pages on which stands a text that others wrote everywhere."""
    there = written_everywhere(workflow_id, text)
    yield client.get(LIST, {"level": "all"})
    for name, (address, _needed) in addresses(workflow_id, there).items():
        if name not in {*NO_MARKUP, "changelist"}:
            yield client.get(address)
    chosen = {"action": "cancel_selected", "_selected_action": workflow_id}
    yield client.post(LIST, chosen)
    given = answer(reason=text[:200])
    yield client.post(page(workflow_id, "cancel"), given, follow=True)
    yield client.get(page(workflow_id, "history"))


def markup_of(responses):
    """Yield what stands in pages, which must all be there, and have no code."""
    for response in responses:
        assert response.status_code == 200
        assert inline_code(response.text) == []
        yield from Markup(response.text).elements


def test_nothing_that_others_wrote_becomes_markup(client, root):  # B21
    workflow_id = EVIL.replace("/", "|")
    pages = list(everything(client, workflow_id, EVIL))
    live = {"workflow": workflow_id, "key": EVIL}
    pages.append(client.get(reverse("admin:django_durable_stream"), live))

    for tag, attributes, _ours in markup_of(pages):
        assert tag != "canary"
        assert "oncanary" not in attributes


def test_nothing_that_others_wrote_becomes_a_link_to_code(client, root):
    evil = "javascript:canary"
    written_everywhere(evil, evil)

    pages = [client.get(page(evil)), client.get(LIST, {"level": "all"})]

    for _tag, attributes, _ours in markup_of(pages):
        assert not (attributes.get("href") or "").startswith("javascript:")


def test_nothing_that_others_wrote_hides_from_the_reader(client, root):
    workflow_id = HIDDEN[:100]

    for response in everything(client, workflow_id, HIDDEN):
        shown = "".join(text for text, ours in Markup(response.text).text if ours)
        assert not {"\u202e", "\u200b", "\x1b"} & set(shown)
        assert "\u0301" * 5 not in shown, response.request["PATH_INFO"]
