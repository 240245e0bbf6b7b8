"""What a client must not say or ask, and the documented answer."""

import json

import pytest

import django_durable as durable
from tests.streaming.clients import opened, url, watching

SPOKEN = {
    "binary": b'{"t":"ping"}',
    "no JSON": "[",
    "null": "null",
    "a number": "5",
    "a string": '"x"',
    "an array": "[]",
    "an empty object": "{}",
    "an unknown type": '{"t":"sub"}',
    "a type that is no text": '{"t":["ping"]}',
    "20 KB": json.dumps({"t": "ping", "x": "x" * 20_000}),
    "20 KB of ä": json.dumps({"t": "ping", "x": "ä" * 10_000}, ensure_ascii=False),
    "deep": "[" * 8_000,
    "deeper": "[" * 50_000,
    "deep objects": '{"t":' * 3_000,
    "a key twice": '{"t":"ping","t":"ping"}',
    "a byte order mark": '\ufeff{"t":"ping"}',
    "a lone surrogate": '{"t":"\\ud800"}',
    "nothing": "",
    "NaN as a type": '{"t":NaN}',
    "many digits": '{"t":"ack","next":' + "9" * 5_000 + "}",
}
ACKS = [-1, 1.5, "1", None, True, [1], {"a": 1}]


@pytest.mark.parametrize("said", SPOKEN.values(), ids=SPOKEN)
def test_a_message_that_cannot_be_understood_closes(server, scribe, said):
    with watching(server, scribe) as client:
        client.hear_until("live")
        client.socket.send(said)
        assert client.closed_with() == ([], 4400)


@pytest.mark.parametrize("said", ["[", b"\x00\xff", '{"t":"hello","token":5}'])
def test_nor_may_it_be_the_first_one(uvicorn, scribe, said):
    with watching(uvicorn, scribe, token=False) as client:
        client.socket.send(said)
        assert client.closed_with() == ([], 4400)


@pytest.mark.parametrize("reached", ACKS, ids=repr)
def test_an_ack_has_an_offset(uvicorn, scribe, reached):
    with watching(uvicorn, scribe) as client:
        client.hear_until("live")
        client.say("ack", next=reached)
        assert client.closed_with() == ([], 4400)


def test_an_ack_without_an_offset_closes(uvicorn, scribe):
    with watching(uvicorn, scribe) as client:
        client.hear_until("live")
        client.say("ack")
        assert client.closed_with() == ([], 4400)


@pytest.mark.parametrize("kind", ["ack", "ping"])
def test_hello_comes_first(server, scribe, kind):
    with watching(server, scribe, token=False) as client:
        client.say(kind, next=1)
        assert client.closed_with() == ([], 4401)


def test_hello_comes_once(server, scribe):
    with watching(server, scribe) as client:
        client.hear_until("live")
        client.say("hello", token=durable.stream_token(scribe.workflow_id, "out"))
        assert client.closed_with() == ([], 4400)


QUERIES = {
    "-2": "from=-2",
    "a fraction": "from=1.5",
    "2**63": f"from={2**63}",
    "huge": f"from={10**40}",
    "no number": "from=x",
    "empty": "from=",
    "NaN": "from=NaN",
    "an exponent": "from=1e3",
    "other digits": "from=%D9%A3",
    "with a plus": "from=%2B1",
    "in quotes": "from=%221%22",
    "twice": "from=1&from=2",
    "two keys": "key=other",
    "two workflows": "workflow=other",
}


@pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES)
def test_a_question_that_cannot_be_understood_closes(uvicorn, scribe, query):
    address = url(uvicorn, workflow=scribe.workflow_id, key="out") + f"&{query}"

    with opened(uvicorn, address) as client:
        assert client.closed_with() == ([], 4400)


@pytest.mark.parametrize(
    "query", ["", "key=out", "workflow=x", "workflow=x&key=", "workflow=x&key=%00"]
)
def test_workflow_and_key_must_be_given(uvicorn, db, query):
    with opened(uvicorn, url(uvicorn) + query) as client:
        assert client.closed_with() == ([], 4400)


def test_a_key_of_a_kilobyte_is_refused(uvicorn, db):
    with opened(uvicorn, url(uvicorn, workflow="x", key="k" * 1024)) as client:
        assert client.closed_with() == ([], 4400)


@pytest.mark.parametrize("workflow", ["%", "*", "x" * 1000, "\0", "a/../b", "ä☃", " "])
def test_an_odd_workflow_does_not_exist(uvicorn, db, workflow):
    token = durable.stream_token(workflow, "*")

    with opened(uvicorn, url(uvicorn, workflow=workflow, key="out")) as client:
        client.say("hello", token=token)
        assert client.closed_with() == ([], 4403)


def test_a_key_is_no_pattern(uvicorn, scribe):
    scribe.write("out", "a")

    with watching(uvicorn, scribe, "*") as client:
        assert client.hear("welcome")["next"] == 0


def test_bytes_in_a_query_that_are_no_text_do_no_harm(uvicorn, db):
    with opened(uvicorn, url(uvicorn) + "workflow=%ff%fe&key=%ff") as client:
        client.say("hello")
        assert client.closed_with() == ([], 4401)


def test_a_client_that_wants_another_protocol_is_refused(server, scribe):
    address = url(server, workflow=scribe.workflow_id, key="out")

    with opened(server, address, subprotocols=["durable-stream.v9"]) as client:
        assert client.closed_with() == ([], 4400)


def test_a_frame_that_is_much_too_large_closes(server, scribe):
    with watching(server, scribe) as client:
        client.hear_until("live")
        client.socket.send("x" * 200_000)
        # uvicorn refuses it by itself: too large a message.
        assert client.close_code() in (4400, 1009)


def test_a_client_that_vanishes_is_forgotten(server, scribe):
    for _ in range(20):
        with watching(server, scribe) as client:
            client.socket.socket.close()

    with watching(server, scribe) as client:
        client.hear_until("live")


def test_values_that_cannot_be_read_are_shown_as_such(uvicorn, scribe):
    scribe.write_stored("out", "json:[", "pickle:gASVBQ==", "", 'json:{"$zzz":1}')

    with watching(uvicorn, scribe) as client:
        client.hear("welcome")
        values = client.values(4)

    assert values == [{"$unreadable": True}] * 3 + [{"$zzz": 1}]
