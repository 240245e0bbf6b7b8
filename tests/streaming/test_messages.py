"""What a socket is told, on real servers."""

import json
from urllib.request import Request, urlopen

import pytest
from django.db import transaction

import django_durable as durable
from django_durable import signals
from django_durable.models import Workflow
from django_durable.models.targets import result_target
from tests.streaming.clients import PROTOCOL, opened, url, watching

Status = Workflow.Status


def test_what_was_written_comes_first_and_then_what_is(server, scribe):
    scribe.write("out", "a", "b")

    with watching(server, scribe) as client:
        welcome = client.hear("welcome")
        data = client.hear("data")
        live = client.hear("live")
        scribe.write("out", "c")
        more = client.hear("data")

    assert client.socket.subprotocol == PROTOCOL
    assert welcome == {
        "t": "welcome",
        "heartbeat": 25,
        "window": 262144,
        "earliest": 0,
        "next": 2,
        "status": "PENDING",
    }
    assert (data["from"], data["more"]) == (0, False)
    assert [(each["o"], each["v"]) for each in data["entries"]] == [(0, "a"), (1, "b")]
    assert data["entries"][0]["at"].endswith("+00:00")
    assert {(each["step"], each["attempt"]) for each in data["entries"]} == {(1, 1)}
    assert live == {"t": "live", "next": 2}
    assert (more["from"], more["entries"][0]["v"]) == (2, "c")


def test_a_watcher_resumes_at_any_offset(server, scribe):
    scribe.write("out", *range(1000))

    with watching(server, scribe, **{"from": 700}) as client:
        client.hear("welcome")
        values = client.values(300)

    assert values == list(range(700, 1000))


def test_a_watcher_may_ask_for_new_values_only(server, scribe):
    scribe.write("out", "old")

    with watching(server, scribe, **{"from": -1}) as client:
        assert client.hear("welcome")["next"] == 1
        client.hear("live")
        scribe.write("out", "new")
        assert client.values(1) == ["new"]


def test_an_offset_that_does_not_exist_yet_is_waited_for(server, scribe):
    scribe.write("out", "a")

    with watching(server, scribe, **{"from": 2}) as client:
        client.hear("welcome")
        client.hear("live")
        scribe.write("out", "b", "c")
        assert client.hear("data")["from"] == 2


def test_an_offset_of_the_far_future_is_waited_for(server, scribe):
    with watching(server, scribe, **{"from": 2**63 - 1}) as client:
        client.hear("welcome")
        client.hear("live")
        scribe.write("out", "b")
        scribe.end()
        heard, code = client.closed_with()

    assert [message["t"] for message in heard] == ["status", "end"]
    assert code == 1000


def test_the_end_of_the_workflow_ends_the_stream(server, scribe):
    scribe.write("out", "a")

    with watching(server, scribe) as client:
        client.hear_until("live")
        scribe.write("out", "b")
        scribe.end()
        heard, code = client.closed_with()

    assert [message["t"] for message in heard] == ["data", "status", "end"]
    assert heard[1]["status"] == "SUCCESS"
    assert heard[2] == {"t": "end", "next": 2, "reason": "workflow_ended"}
    assert code == 1000


def test_a_burst_at_the_end_is_told_to_its_last_value(server, scribe):
    """A look takes some of it, and knows already that the workflow has ended."""
    with watching(server, scribe) as client:
        client.hear_until("live")
        with transaction.atomic():
            scribe.write("out", *range(700))
            scribe.end()
        heard, code = client.closed_with()

    entries = [e for m in heard if m["t"] == "data" for e in m["entries"]]
    assert [entry["v"] for entry in entries] == list(range(700))
    assert heard[-1] == {"t": "end", "next": 700, "reason": "workflow_ended"}
    assert code == 1000


def test_a_closed_stream_ends_while_its_workflow_goes_on(server, scribe):
    scribe.write("out", "a")

    with watching(server, scribe) as client:
        client.hear_until("live")
        scribe.close("out")
        heard, code = client.closed_with()

    assert heard == [{"t": "end", "next": 1, "reason": "closed"}]
    assert code == 1000


def test_a_stream_that_nobody_has_written_to_is_waited_for(server, scribe):
    with watching(server, scribe, "late") as client:
        assert client.hear("welcome")["next"] == 0
        client.hear("live")
        scribe.write("late", "a")
        assert client.values(1) == ["a"]


def test_a_stream_that_a_finished_workflow_never_had_ends_at_once(server, scribe):
    scribe.end()

    with watching(server, scribe, "never") as client:
        heard, code = client.closed_with()

    assert [message["t"] for message in heard] == ["welcome", "live", "end"]
    assert heard[2]["reason"] == "workflow_ended"
    assert code == 1000


def test_a_deleted_workflow_ends_its_streams(server, scribe):
    scribe.write("out", "a")

    with watching(server, scribe) as client:
        client.hear_until("live")
        scribe.delete()
        signals.publish("default", result_target(scribe.workflow_id).name)
        heard, code = client.closed_with()

    assert heard == [{"t": "end", "next": 1, "reason": "deleted"}]
    assert code == 1000


def test_a_stream_that_begins_anew_under_its_id_is_another_one(uvicorn, scribe):
    scribe.write("out", *"abc")

    with watching(uvicorn, scribe) as client:
        client.hear_until("live")
        with transaction.atomic():
            scribe.delete()
            another = type(scribe)(scribe.workflow_id)
            another.write("out", "new")
        heard, code = client.closed_with()
    with watching(uvicorn, another) as other:
        other.hear("welcome")
        values = other.values(1)

    assert heard == [{"t": "end", "next": 3, "reason": "deleted"}]
    assert (code, values) == (1000, ["new"])


def test_entries_that_are_not_kept_are_a_gap(server, scribe):
    scribe.write("out", *range(10))
    scribe.forget("out", before=4)

    with watching(server, scribe, **{"from": 1}) as client:
        assert client.hear("welcome")["earliest"] == 4
        gap = client.hear("gap")
        values = client.values(6)

    assert gap == {"t": "gap", "from": 1, "to": 3, "reason": "retention"}
    assert values == [4, 5, 6, 7, 8, 9]


def test_a_stream_of_which_nothing_is_kept_is_one_gap(server, scribe):
    scribe.write("out", *range(10))
    scribe.forget("out", before=10)

    with watching(server, scribe) as client:
        client.hear("welcome")
        assert client.hear("gap")["to"] == 9
        assert client.hear("live") == {"t": "live", "next": 10}
        scribe.write("out", "new")
        assert client.values(1) == ["new"]


def test_a_change_of_the_status_is_told(server, scribe):
    rows = Workflow.objects.filter(pk=scribe.workflow_id)

    with watching(server, scribe) as client:
        client.hear_until("live")
        rows.update(status=Status.WAITING)
        signals.publish("default", result_target(scribe.workflow_id).name)
        assert client.hear() == {"t": "status", "status": "WAITING"}


def test_a_ping_is_answered(server, scribe):
    with watching(server, scribe) as client:
        client.hear_until("live")
        client.say("ping")
        assert client.hear() == {"t": "pong"}


def test_batches_keep_to_their_limits(server, scribe):
    for _ in range(3):
        scribe.write("out", *(f"{number} {'x' * 500}" for number in range(200)))

    sizes, counts = [], []
    with watching(server, scribe) as client:
        client.hear("welcome")
        while sum(counts) < 600:
            text = client.socket.recv(timeout=20)
            message = json.loads(text)
            sizes.append(len(text))
            counts.append(len(message["entries"]))
            assert message["more"] is (sum(counts) < 600)
            client.say("ack", next=message["entries"][-1]["o"] + 1)

    assert max(sizes) <= 65536
    assert max(counts) <= 256


@pytest.mark.parametrize("size", [70_000, 1_000_000])
def test_a_large_value_is_a_link(server, scribe, size):
    scribe.write("out", "small", "ä" * size, "small")
    token = durable.stream_token(scribe.workflow_id, "out")

    with watching(server, scribe) as client:
        client.hear("welcome")
        small, large, last = client.hear("data")["entries"]
    address = f"http://127.0.0.1:{server.port}{large['link']}"
    request = Request(address, headers={"Authorization": f"Bearer {token}"})
    with urlopen(request, timeout=20) as answer:
        fetched = json.load(answer)

    assert (small["v"], last["v"]) == ("small", "small")
    assert large["bytes"] == len('json:""') + 2 * size
    assert "v" not in large
    assert fetched == "ä" * size


def test_values_are_text_however_strange(server, scribe):
    values = ["<script>alert(1)</script>", "\0", "\x1b[31m", "\ud800", "‮", "x" * 60_000]
    scribe.write("out", *values)

    with watching(server, scribe) as client:
        client.hear("welcome")
        assert client.values(len(values)) == values


def test_two_watchers_see_the_same(server, scribe):
    with watching(server, scribe) as one, watching(server, scribe) as other:
        one.hear_until("live")
        other.hear_until("live")
        for number in range(20):
            scribe.write("out", number)
        assert one.values(20) == other.values(20) == list(range(20))


def test_a_client_need_not_ask_for_the_protocol(server, scribe):
    token = durable.stream_token(scribe.workflow_id, "out")
    address = url(server, workflow=scribe.workflow_id, key="out")

    with opened(server, address, subprotocols=None) as client:
        client.say("hello", token=token)
        client.hear("welcome")


def test_a_child_is_watched_by_its_id(server, scribe):
    child = type(scribe)(f"{scribe.workflow_id}/2")
    child.write("out", "a")

    with watching(server, child) as client:
        client.hear("welcome")
        assert client.values(1) == ["a"]
