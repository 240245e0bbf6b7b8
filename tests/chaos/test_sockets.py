"""Crowds of sockets on one process: everything arrives, once and in order.

Members that do not read are cut off; the others do not notice.
"""

import time

import pytest
from django.db import connection

import django_durable as durable
from tests.people import user_with
from tests.streaming import servers
from tests.streaming.clients import watching
from tests.streaming.crowds import Crowd, Member, counts_of
from tests.streaming.events import Events
from tests.streaming.scribe import Scribe

WINDOW = 16 * 1024
# One in so many does not read.
SLOW = 50
RHYTHM = 0.02
# What a socket may cost, in bytes: of a server that serves them in Python.
LARGEST_SOCKET = 150_000


@pytest.mark.chaos("sockets while the server crashes", share=0.5, server=True)
def test_sockets_go_on_after_each_crash_of_the_database(dose, server, tmp_path):
    """Nobody is cut off, and every value comes once, as soon as it can be read."""
    scribe, expected = Scribe(), []
    with (
        servers.running("uvicorn", tmp_path) as web,
        watching(web, scribe) as client,
        watching(web, scribe, path="workflows") as feed,
    ):
        client.hear_until("live")
        feed.hear_until("live")
        for number in dose.rounds():
            server.stop("immediate")
            time.sleep(dose.chance.uniform(0, dose.pick(0.2, 3)))
            server.start()
            connection.close()
            expected.append(number)
            scribe.write("out", number)
            scribe.set_event("progress", number)
            assert client.values(1) == [number]
            assert feed.hear("event")["v"] == number
            feed.say("ack", next=number + 1)
            dose.count("crashes")

        assert "Traceback" not in web.log


@pytest.mark.chaos("sockets without a database", share=0.1, server=True)
def test_whom_the_database_has_to_be_asked_about_comes_back_later(
    dose, server, tmp_path
):
    scribe = Scribe()
    token = durable.stream_token(scribe.workflow_id, "*", user=user_with())
    scribe.write("out", "a")
    with servers.running("uvicorn", tmp_path, settings={"STREAM_RECHECK": 0.3}) as web:
        with (
            watching(web, scribe, token=token) as client,
            watching(web, scribe, path="workflows", token=token) as feed,
            Events(web, scribe, token=token) as events,
        ):
            for each in (client, feed):
                each.hear_until("live")
            events.until("live")
            server.stop("immediate")
            for each in (client, feed):
                assert each.closed_with() == ([], 1013)
            assert events.rest() == []
            with watching(web, scribe, token=token) as newcomer:
                assert newcomer.closed_with() == ([], 1013)
        server.start()
        connection.close()
        with watching(web, scribe, token=token) as client:
            client.hear("welcome")
            assert client.values(1) == ["a"]

        assert "Traceback" not in web.log


@pytest.fixture
def sockets(tmp_path, transactional_db, dose):
    """Run a server with small windows.

    Whoever does not read is to be found out soon, and nobody taken for one because
    all members live in one busy process.
    """
    settings = {
        "STREAM_WINDOW_BYTES": WINDOW,
        "STREAM_ACK_TIMEOUT": dose.pick(3.0, 30.0),
        # The whole crowd comes at once, from one address.
        "STREAM_HANDSHAKE_RATE": 10_000,
        "STREAM_HANDSHAKE_RATE_PER_ADDRESS": 10_000,
    }
    with servers.running("uvicorn", tmp_path, settings=settings) as server:
        yield server
        assert "Traceback" not in server.log


def written(scribes, values):
    """Write values to a stream of each workflow, one after the other."""

    def write():
        try:
            for value in values:
                began_at = time.monotonic()
                for scribe in scribes:
                    scribe.write("out", value)
                time.sleep(max(0.0, began_at + RHYTHM - time.monotonic()))
        finally:
            connection.close()

    return write


def measured(sockets, dose, members, count, write):
    """Let a crowd read; note memory per socket and queries per value."""
    before = sockets.memory()
    counts_of(sockets)
    began_at = time.monotonic()
    with Crowd(members) as crowd:
        joined_at = time.monotonic()
        memory = (sockets.memory() - before) / len(members)
        asked = counts_of(sockets)["queries"]
        crowd.read(count, write)
        queries = counts_of(sockets)["queries"] - asked
        took = time.monotonic() - joined_at
    dose.count("sockets", len(members))
    dose.note("joined in", f"{joined_at - began_at:.1f} s")
    dose.note("read in", f"{took:.1f} s")
    dose.note("memory per socket", f"{memory / 1024:.0f} KiB")
    return memory, queries


@pytest.mark.chaos("sockets on one stream", share=0.5)
def test_a_crowd_on_one_stream_gets_every_value_once(sockets, dose):
    size, count = dose.pick((100, 60), (2000, 100))
    scribe = Scribe()
    values = [f"{number} {'x' * 1000}" for number in range(count)]
    members = [
        Member(sockets, scribe, "out", is_slow=number % SLOW == SLOW - 1)
        for number in range(size)
    ]
    quick = [member for member in members if not member._is_slow]

    write = written([scribe], values)
    memory, queries = measured(sockets, dose, members, count, write)

    dose.note("queries per value", f"{queries / count:.2f}")
    assert {len(member.values) for member in quick} == {count}
    assert all(member.values == values for member in quick)
    slow = [member for member in members if member not in quick]
    assert {member.code for member in slow} == {4508}
    # A look for each value, one that finds nothing new, and the slow ones' own.
    assert queries <= 3 * count + 10
    assert memory < LARGEST_SOCKET


@pytest.mark.chaos("streams of one socket", share=0.5)
def test_as_many_streams_as_sockets_share_their_statements(sockets, dose):
    size, count = dose.pick((40, 5), (500, 10))
    scribes = [Scribe() for _ in range(size)]
    values = [f"value {number}" for number in range(count)]
    members = [Member(sockets, scribe, "out") for scribe in scribes]

    write = written(scribes, values)
    memory, queries = measured(sockets, dose, members, count, write)

    dose.note("queries per value", f"{queries / count / size:.2f}")
    assert all(member.values == values for member in members)
    # Never more than a look for each value of each stream, and the slow ones.
    assert queries <= 1.5 * count * size + 20
    assert memory < 2 * LARGEST_SOCKET
