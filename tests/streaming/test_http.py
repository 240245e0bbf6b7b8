"""The HTTP twin: what there is as JSON, what comes as server-sent events."""

import pytest
from django.db import InterfaceError, OperationalError, connections
from django.test import Client
from django.urls import path

import django_durable as durable
from django_durable.streaming import doorway
from django_durable.streaming.entries import link_to
from tests.people import session_of, user_with
from tests.streaming.scribe import Scribe

STREAMS = "/durable/streams/"
VALUE = "/durable/streams/value/"
WORKFLOWS = "/durable/workflows/"


@pytest.fixture(autouse=True)
def urls(settings):
    settings.ROOT_URLCONF = "tests.streaming.urls"


@pytest.fixture
def written(db):
    """Have a running workflow that has written 300 numbers."""
    scribe = Scribe()
    scribe.write("out", *range(300))
    return scribe


def bearer(scribe, key="out", **options):
    token = durable.stream_token(scribe.workflow_id, key, **options)
    return {"HTTP_AUTHORIZATION": f"Bearer {token}"}


def get(scribe, address=STREAMS, *, key="out", headers=None, **query):
    query = {"workflow": scribe.workflow_id, "key": key, **query}
    headers = bearer(scribe, key) if headers is None else headers
    return Client().get(address, query, **headers)


def test_what_there_is_comes_as_json(written):
    first = get(written)
    rest = get(written, **{"from": first["Stream-Next-Offset"]})

    assert first["Content-Type"] == "application/json"
    assert "no-store" in first["Cache-Control"]
    found = first.json()
    assert len(found["entries"]) == 256
    assert found["entries"][7]["v"] == 7
    assert found | {"entries": None} == {
        "earliest": 0,
        "next": 256,
        "more": True,
        "over": False,
        "status": "PENDING",
        "entries": None,
    }
    assert [each["v"] for each in rest.json()["entries"]] == list(range(256, 300))
    assert rest["Stream-Next-Offset"] == "300"


def test_minus_one_tells_where_new_values_begin(written):
    found = get(written, **{"from": -1})

    assert found["Stream-Next-Offset"] == "300"
    assert found.json()["entries"] == []


def test_what_is_not_kept_is_passed_over(written):
    written.forget("out", before=200)

    found = get(written, **{"from": 100}).json()
    later = get(written, **{"from": 200}).json()

    assert (found["earliest"], found["next"]) == (200, 300)
    assert found["entries"][0]["o"] == 200
    assert later["entries"][0]["o"] == 200


def test_an_answer_has_a_megabyte_at_most(written):
    written.write("large", *("x" * 60_000 for _ in range(30)))

    found = get(written, key="large")

    assert len(found.content) < 1.1 * 2**20
    assert found.json()["more"] is True
    assert 0 < found.json()["next"] < 30


def test_a_stream_that_is_over_says_so(written):
    written.end()

    found = get(written, **{"from": 300}).json()

    assert found["over"] is True
    assert found["status"] == "SUCCESS"


def test_a_stream_that_nobody_has_written_to_is_over_with_its_workflow(written):
    before = get(written, key="unknown").json()
    written.end()
    after = get(written, key="unknown").json()

    assert (before["entries"], before["next"], before["over"]) == ([], 0, False)
    assert (after["entries"], after["next"], after["over"]) == ([], 0, True)


@pytest.mark.parametrize(
    "query",
    [
        {"from": "-5"},
        {"from": "x"},
        {"from": 2**63},
        {"live": "foo"},
        {"key": ""},
        {"key": "k" * 300},
        {"from": ["1", "2"]},
    ],
    ids=str,
)
def test_a_question_that_cannot_be_understood_is_a_bad_request(written, query):
    key = query.pop("key", "out")
    found = get(written, key=key, headers={}, **query)

    assert found.status_code == 400
    assert found.json()["error"]


@pytest.mark.parametrize("last", ["abc", "-1", "1.5", "9" * 30])
def test_a_last_event_id_has_to_be_an_offset(written, last):
    headers = {**bearer(written), "HTTP_LAST_EVENT_ID": last}

    assert get(written, headers=headers, live="sse").status_code == 400


def test_head_is_answered_and_post_is_not(written):
    query = {"workflow": written.workflow_id, "key": "out"}

    head = Client().head(STREAMS, query, **bearer(written))
    live = Client().head(STREAMS, {**query, "live": "sse"}, **bearer(written))
    post = Client().post(STREAMS, query, **bearer(written))

    assert (head.status_code, head.content) == (200, b"")
    assert (live.status_code, live.content) == (200, b"")
    assert post.status_code == 405


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"HTTP_AUTHORIZATION": "Bearer x"},
        {"HTTP_AUTHORIZATION": "Bearer"},
        {"HTTP_AUTHORIZATION": "Basic YTpi"},
        {"HTTP_COOKIE": "sessionid=unknown-session"},
    ],
    ids=str,
)
def test_without_permission_nothing_is_told(written, headers):
    found = get(written, headers=headers)

    assert found.status_code == 401
    assert found["WWW-Authenticate"] == "Bearer"


def test_an_expired_token_is_refused(written):
    headers = bearer(written, max_age=0)

    assert get(written, headers=headers).status_code == 401


def test_a_token_for_another_stream_and_an_unknown_workflow_look_alike(written):
    other = get(written, headers=bearer(written, "another"))
    nobody = Client().get(
        STREAMS,
        {"workflow": "nobody", "key": "out"},
        HTTP_AUTHORIZATION=f"Bearer {durable.stream_token('nobody', 'out')}",
    )

    assert (other.status_code, other.content) == (nobody.status_code, nobody.content)
    assert other.status_code == 403


@pytest.mark.parametrize("workflow", ["\0", "x" * 1000])
def test_a_workflow_that_cannot_exist_is_forbidden(db, workflow):
    token = durable.stream_token(workflow, "out")
    query = {"workflow": workflow, "key": "out"}

    for address in (STREAMS, VALUE):
        found = Client().get(address, query, HTTP_AUTHORIZATION=f"Bearer {token}")
        assert found.status_code == 403


def test_a_session_with_the_permission_reads(written):
    staff = {"HTTP_COOKIE": f"sessionid={session_of(user_with('view_stream'))}"}
    stranger = {"HTTP_COOKIE": f"sessionid={session_of(user_with(name='eve'))}"}

    assert get(written, headers=staff).status_code == 200
    assert get(written, headers=stranger).status_code == 403


def test_one_value_is_fetched_whole(written):
    written.write("large", "x" * 500_000)

    link = get(written, key="large").json()["entries"][0]["link"]
    found = Client().get(link, **bearer(written, "large"))

    assert link.startswith(VALUE)
    assert found.json() == "x" * 500_000
    assert Client().get(link).status_code == 401
    assert get(written, VALUE, key="large", offset=1).status_code == 404
    assert get(written, VALUE, key="large", offset=-1).status_code == 400
    assert get(written, VALUE, key="large", offset=2**63 - 1).status_code == 404


def test_without_the_addresses_a_large_value_has_no_link(written, settings):
    class Bare:
        urlpatterns = [path("", lambda request: None)]

    written.write("large", "x" * 100_000)
    answer = get(written, key="large").json()
    settings.ROOT_URLCONF = Bare

    assert answer["entries"][0]["link"]
    assert link_to("a", "b", 1) is None


def test_a_project_may_wrap_its_views_in_transactions(written, monkeypatch):
    """Django refuses to do so around views that are async."""
    monkeypatch.setitem(connections.settings["default"], "ATOMIC_REQUESTS", True)

    assert get(written).status_code == 200
    assert get(written, VALUE, offset=3).json() == 3
    assert get(written, WORKFLOWS, key="").status_code == 200


@pytest.mark.parametrize("address", [STREAMS, VALUE, WORKFLOWS])
@pytest.mark.parametrize("error", [InterfaceError, OperationalError])
def test_a_database_that_does_not_answer_means_try_later(
    written, monkeypatch, caplog, address, error
):
    def admit(*args):
        raise error("gone")

    monkeypatch.setattr(doorway, "admit", admit)

    found = get(written, address, offset=0)

    assert (found.status_code, found["Retry-After"]) == (503, "10")
    assert found.json() == {"error": "The database does not answer."}
    assert "waits for the database: gone" in caplog.text


def test_server_sent_events_need_an_asgi_server(written):
    assert get(written, live="sse").status_code == 501


def test_the_state_of_a_workflow_comes_as_json(scribe):
    scribe.step("charge")
    scribe.set_event("progress", {"done": 2**60})

    def ask(**headers):
        query = {"workflow": scribe.workflow_id}
        return Client().get(WORKFLOWS, query, **bearer(scribe, ""), **headers)

    found = ask().json()
    refused = ask(HTTP_LAST_EVENT_ID="5")
    scribe.delete()

    step, event = found.pop("news")
    assert found == {"status": "PENDING", "over": False}
    assert (step["t"], step["name"], step["failed"]) == ("step", "charge", False)
    assert (event["t"], event["v"]) == ("event", {"done": {"$int": str(2**60)}})
    assert refused.status_code == 400
    assert ask().status_code == 403
    assert get(scribe, WORKFLOWS).status_code == 403  # A token for a stream.
