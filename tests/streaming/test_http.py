"""The HTTP twin: what there is as JSON, what comes as server-sent events."""

import http.client
import json

import pytest
from asgiref.sync import async_to_sync
from django.test import Client, RequestFactory
from django.urls import path

import django_durable as durable
from django_durable.streaming import sse
from django_durable.streaming.entries import link_to
from django_durable.streaming.limits import watchers
from django_durable.streaming.permissions import Answer, Decision, Visitor
from django_durable.streaming.places import Asked
from django_durable.streaming.streams import StreamTopic
from tests.streaming.clients import PATIENCE
from tests.streaming.people import session_of, user_with
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


def test_server_sent_events_need_an_asgi_server(written):
    assert get(written, live="sse").status_code == 501


def test_a_response_that_nobody_reads_gives_its_place_back():
    async def answer():
        asked = Asked("a", "out")
        request, decision = RequestFactory().get(STREAMS), Decision(Answer.YES, "1")
        return sse.response(request, StreamTopic, Visitor(None), decision, asked)

    response = async_to_sync(answer)()
    held = watchers.count, watchers.users["1"]
    response.close()

    assert held == (1, 1)
    assert (watchers.count, watchers.users["1"]) == (0, 0)


class Events:
    """A plain reader of an event stream."""

    def __init__(self, server, scribe, key="out", *, headers=None, **query):
        token = durable.stream_token(scribe.workflow_id, key)
        address = f"{STREAMS}?workflow={scribe.workflow_id}&key={key}&live=sse"
        if not key:
            address = f"{WORKFLOWS}?workflow={scribe.workflow_id}&live=sse"
        address += "".join(f"&{name}={value}" for name, value in query.items())
        self._connection = http.client.HTTPConnection(
            "127.0.0.1", server.port, timeout=PATIENCE
        )
        headers = {"Authorization": f"Bearer {token}", **(headers or {})}
        self._connection.request("GET", address, headers=headers)
        self.answer = self._connection.getresponse()

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self._connection.close()

    def next(self):
        """Return id and message of the next event, None at the end."""
        last, message = None, None
        while line := self.answer.readline():
            name, _, text = line.decode().rstrip("\n").partition(": ")
            if name == "id":
                last = int(text) if text.isdecimal() else text
            elif name == "data":
                message = json.loads(text)
            elif not line.strip() and message is not None:
                return last, message
        return None

    def until(self, kind):
        while found := self.next():
            if found[1]["t"] == kind:
                return found
        raise AssertionError(f"no {kind} came")

    def rest(self):
        found = []
        while event := self.next():
            found.append(event)
        return found


def test_events_carry_the_messages_of_the_socket(server, scribe):
    scribe.write("out", "a", "b")

    with Events(server, scribe) as events:
        headers = events.answer.headers
        welcome = events.next()
        data = events.next()
        live = events.next()
        scribe.write("out", "c")
        more = events.next()
        scribe.end()
        rest = events.rest()

    assert headers["Content-Type"] == "text/event-stream"
    assert headers["X-Accel-Buffering"] == "no"
    assert (welcome[0], welcome[1]["t"], welcome[1]["next"]) == (None, "welcome", 2)
    assert (data[0], data[1]["from"]) == (1, 0)
    assert live == (None, {"t": "live", "next": 2})
    assert (more[0], more[1]["entries"][0]["v"]) == (2, "c")
    assert [message["t"] for _, message in rest] == ["status", "end"]
    assert rest[1][1]["reason"] == "workflow_ended"


def test_events_resume_behind_the_last_one(server, scribe):
    scribe.write("out", "a", "b", "c")

    with Events(server, scribe, headers={"Last-Event-ID": "1"}) as events:
        events.next()
        last, data = events.next()

    assert (last, [each["v"] for each in data["entries"]]) == (2, ["c"])


def test_nobody_comes_back_to_a_stream_that_is_over(uvicorn, scribe):
    scribe.write("out", "a")
    scribe.end()

    with Events(uvicorn, scribe, headers={"Last-Event-ID": "0"}) as events:
        assert events.answer.status == 204
    with Events(uvicorn, scribe) as events:
        assert events.until("end")


def test_events_end_with_the_token(hasty, scribe):
    with Events(hasty, scribe) as events:
        events.until("live")  # The server is awake.
    token = durable.stream_token(scribe.workflow_id, "out", 0.8)

    headers = {"Authorization": f"Bearer {token}"}
    with Events(hasty, scribe, headers=headers) as events:
        events.until("live")
        assert events.rest()[-1][1]["reason"] == "token_expired"


def test_events_have_signs_of_life(hasty, scribe):
    with Events(hasty, scribe) as events:
        events.until("live")
        assert events.answer.readline() == b": hb\n"


def test_too_many_event_streams_are_sent_away(hasty, scribe):
    held = [Events(hasty, scribe) for _ in range(5)]
    statuses = [each.answer.status for each in held]
    after = held[-1].answer.headers["Retry-After"]
    for each in held:
        each.__exit__()

    assert statuses[-1] == 503
    assert after == "10"


def test_after_some_megabytes_the_client_has_to_come_back(uvicorn, scribe):
    values = [f"{number} {'x' * 60_000}" for number in range(100)]
    for start in range(0, 100, 25):
        scribe.write("out", *values[start : start + 25])

    seen = []
    while len(seen) < 100:
        headers = {"Last-Event-ID": str(len(seen) - 1)} if seen else {}
        with Events(uvicorn, scribe, headers=headers) as events:
            while len(seen) < 100 and (found := events.next()):
                entries = found[1].get("entries", [])
                seen += [entry["v"] for entry in entries]

    assert seen == values


def test_the_news_of_a_workflow_come_as_events(server, scribe):
    scribe.step("charge")
    scribe.set_event("progress", 1)

    with Events(server, scribe, "") as events:
        before = [events.next() for _ in range(4)]
        scribe.set_event("progress", 2)
        news = events.next()
        scribe.end()
        rest = events.rest()

    kinds = [message["t"] for _, message in before]
    assert kinds == ["welcome", "step", "event", "live"]
    assert (news[1]["key"], news[1]["v"]) == ("progress", 2)
    assert {event_id for event_id, _ in [*before, news, rest[0]]} == {None}
    assert [message["t"] for _, message in rest] == ["status", "end"]
    # Whoever comes back after the end is sent away.
    assert rest[-1][0] == sse.END
    with Events(server, scribe, "", headers={"Last-Event-ID": "end"}) as events:
        assert events.answer.status == 204


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
