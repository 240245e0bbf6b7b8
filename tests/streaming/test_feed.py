"""The status feed: the present state of a workflow, and what changes."""

import django_durable as durable
from django_durable import serialization
from django_durable.models import Event, Workflow
from tests.running import worker
from tests.streaming.clients import opened, url, watching


def test_a_feed_tells_the_state_and_then_the_news(server, scribe):
    scribe.step("charge")
    scribe.set_event("progress", {"done": 1})

    with watching(server, scribe, path="workflows") as client:
        welcome = client.hear("welcome")
        step, event, live = (client.hear(kind) for kind in ("step", "event", "live"))
        scribe.step("pay", failed=True)
        scribe.set_event("progress", {"done": 2**60})
        # A look that falls between the two may find the second one first.
        news = [client.hear(), client.hear()]
        scribe.end()
        heard, code = client.closed_with()

    assert welcome == {
        "t": "welcome",
        "heartbeat": 25,
        "window": 262144,
        "next": 0,
        "status": "PENDING",
    }
    assert (step["name"], step["step"], step["failed"]) == ("charge", 1, False)
    assert (step["branch"], step["kind"], step["next"]) == ("", "step", 0)
    assert (event["key"], event["v"], event["next"]) == ("progress", {"done": 1}, 0)
    assert live["next"] == 0
    assert [message["next"] for message in news] == [1, 2]
    event, step = sorted(news, key=lambda message: message["t"])
    assert (step["t"], step["name"], step["failed"]) == ("step", "pay", True)
    assert (event["t"], event["v"]) == ("event", {"done": {"$int": str(2**60)}})
    assert heard == [
        {"t": "status", "status": "SUCCESS"},
        {"t": "end", "next": 2, "reason": "workflow_ended"},
    ]
    assert code == 1000


def test_whoever_comes_later_is_told_the_state_of_now(uvicorn, scribe):
    with watching(uvicorn, scribe, path="workflows") as first:
        first.hear_until("live")
        for number in range(3):
            scribe.step(f"step {number}")
            scribe.set_event("progress", number)
            heard = {first.hear()["t"], first.hear()["t"]}
            assert heard == {"step", "event"}
        with watching(uvicorn, scribe, path="workflows") as later:
            told = later.hear_until("live")

    steps = [message["name"] for message in told if message["t"] == "step"]
    events = [message["v"] for message in told if message["t"] == "event"]
    assert steps == ["step 0", "step 1", "step 2"]
    assert events == [2]


def test_no_more_than_the_latest_steps_are_told(uvicorn, scribe):
    for number in range(105):
        scribe.step(f"step {number}")

    with watching(uvicorn, scribe, path="workflows") as client:
        told = client.hear_until("live")
        scribe.step("another")
        later = client.hear("step")

    assert [message["name"] for message in told[1:-1]] == [
        f"step {number}" for number in range(5, 105)
    ]
    assert later["name"] == "another"


def test_a_large_event_is_told_without_its_value(uvicorn, scribe):
    scribe.set_event("report", "ä" * 70_000)

    with watching(uvicorn, scribe, path="workflows") as client:
        client.hear("welcome")
        event = client.hear("event")

    assert event["bytes"] == len('json:""') + 2 * 70_000
    assert "v" not in event


def test_the_feed_of_a_finished_workflow_ends_at_once(server, scribe):
    scribe.set_event("progress", "done")
    scribe.end()

    with watching(server, scribe, path="workflows") as client:
        heard, code = client.closed_with()

    kinds = [message["t"] for message in heard]
    assert kinds == ["welcome", "event", "live", "end"]
    assert code == 1000


def test_the_feed_of_a_workflow_that_does_not_exist_is_forbidden(server, db):
    with opened(server, url(server, "workflows", workflow="nobody")) as client:
        client.say("hello", token=durable.stream_token("nobody", ""))
        assert client.closed_with() == ([], 4403)


def test_a_token_for_a_stream_is_none_for_the_feed(server, scribe):
    token = durable.stream_token(scribe.workflow_id, "out")

    with watching(server, scribe, path="workflows", token=token) as client:
        assert client.closed_with() == ([], 4403)


def test_a_client_that_reads_no_news_is_cut_off(hasty, scribe):
    with watching(hasty, scribe, path="workflows") as client:
        client.hear_until("live")
        for number in range(30):
            scribe.set_event(f"key {number}", "x" * 200)
        heard, code = client.closed_with(pings=True)

    told = [message for message in heard if message["t"] == "event"]
    assert code == 4508
    assert 0 < len(told) < 30


def test_an_event_that_is_changed_in_the_table_alone_is_found_as_well(uvicorn, scribe):
    """Hints may be lost: a slow look finds what nobody told."""
    scribe.set_event("progress", "a")

    with watching(uvicorn, scribe, path="workflows") as client:
        client.hear_until("live")
        row = Event.objects.get(workflow_id=scribe.workflow_id)
        Event.objects.filter(workflow_id=scribe.workflow_id).update(
            value=serialization.dumps("b", "event"),
            updated_at=row.updated_at.replace(microsecond=0, year=2099),
        )
        assert client.hear("event")["v"] == "b"


@durable.step
def double(number):
    durable.write_stream("inside", number, flush=True)
    return 2 * number


@durable.workflow
def publishing(number):
    durable.set_event("state", "begun")
    durable.write_stream("out", "first")
    durable.recv("go")
    doubled = double(number)
    durable.set_event("state", "done")
    durable.write_stream("out", doubled)
    return doubled


def test_a_real_workflow_is_watched_from_its_start_to_its_end(
    uvicorn, transactional_db
):
    with worker():
        handle = publishing.start(21)
        with (
            watching(uvicorn, handle, path="workflows") as feed,
            watching(uvicorn, handle) as out,
            watching(uvicorn, handle, "inside") as inside,
        ):
            for client in (feed, out, inside):
                client.hear("welcome")
            durable.send(handle, None, "go")
            heard, code = feed.closed_with()
            written, _ = out.closed_with()
            noted, _ = inside.closed_with()

    states = [message["v"] for message in heard if message["t"] == "event"]
    steps = [message["name"] for message in heard if message["t"] == "step"]
    assert code == 1000
    assert states[-1] == "done"
    assert any(name.endswith("double") for name in steps)
    assert [m for m in heard if m["t"] == "status"][-1]["status"] == "SUCCESS"
    values = [e["v"] for m in written if m["t"] == "data" for e in m["entries"]]
    assert values == ["first", 42]
    (entry,) = [e for m in noted if m["t"] == "data" for e in m["entries"]]
    assert (entry["v"], entry["attempt"]) == (21, 1)
    assert Workflow.objects.get(pk=handle.workflow_id).status == "SUCCESS"
