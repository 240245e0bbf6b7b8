"""The network that the experiments break does what it says."""

import threading
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from django.db import connections

from tests.chaos.proxy import SECONDS, Proxy, standing_before, through
from tests.models import Entry

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(
        not connections["default"].features.has_select_for_update,
        reason="A database that is a file is not reached over a network.",
    ),
]

INSERT = "INSERT INTO tests_entry (key, note) VALUES (%s, '')"


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    """A network to the server of this test's database."""
    with standing_before(connections["default"].settings_dict) as proxy:
        yield proxy


@pytest.fixture
def client(proxy: Proxy) -> Iterator[psycopg.Connection[Any]]:
    """A connection over that network."""
    with connect(proxy) as client:
        yield client


def connect(proxy: Proxy) -> psycopg.Connection[Any]:
    settings = connections["default"].settings_dict
    place = through(proxy, settings)
    return psycopg.connect(
        host=place["HOST"],
        port=place["PORT"],
        dbname=settings["NAME"],
        user=settings["USER"],
        password=settings["PASSWORD"],
        sslmode="disable",
        gssencmode="disable",
        connect_timeout=SECONDS,
        autocommit=True,
    )


def insert(client: psycopg.Connection[Any], key: str, *, is_prepared: bool) -> None:
    client.execute(INSERT, [key], prepare=is_prepared)


def insert_in_transaction(
    client: psycopg.Connection[Any], key: str, *, is_prepared: bool
) -> None:
    with client.transaction():
        insert(client, key, is_prepared=is_prepared)


def keys() -> list[str]:
    return sorted(Entry.objects.values_list("key", flat=True))


def test_what_nobody_breaks_arrives_whole(client):
    text = "é" * 300_000

    (returned,) = client.execute("SELECT %s::text", [text]).fetchone()
    rows = client.execute("SELECT n FROM generate_series(1, 50000) AS n").fetchall()

    assert returned == text
    assert [n for (n,) in rows] == list(range(1, 50001))


@pytest.mark.parametrize("is_prepared", [False, True], ids=["", "prepared"])
@pytest.mark.parametrize("do", [insert, insert_in_transaction])
@pytest.mark.parametrize(("what", "left"), [("before", []), ("after", ["chosen"])])
def test_a_cut_at_a_commit_looks_the_same_whether_it_happened(
    proxy, client, what, left, do, is_prepared
):
    do(client, "earlier", is_prepared=is_prepared)
    trap = proxy.trap(what, "tests_entry", "chosen")
    client.execute("SELECT 'tests_entry', 'chosen'")

    with pytest.raises(psycopg.OperationalError) as caught:
        do(client, "chosen", is_prepared=is_prepared)

    assert trap.sprung.is_set()
    assert caught.value.sqlstate is None
    assert client.closed
    assert keys() == sorted(["earlier", *left])
    assert proxy.cuts == 1


def test_only_the_chosen_commit_is_cut_and_only_once(proxy, client):
    proxy.trap("before", "tests_entry", "chosen")

    insert_in_transaction(client, "another", is_prepared=False)
    with pytest.raises(psycopg.OperationalError):
        insert_in_transaction(client, "chosen", is_prepared=False)
    with connect(proxy) as again:
        insert_in_transaction(again, "chosen", is_prepared=False)

    assert keys() == ["another", "chosen"]


def test_a_commit_that_is_held_happens_when_the_network_goes_on(proxy, client):
    trap = proxy.trap("stop", "tests_entry")
    sender = threading.Thread(
        target=insert_in_transaction, args=[client, "late"], kwargs={"is_prepared": 0}
    )
    sender.start()

    assert trap.sprung.wait(SECONDS)
    before = keys()
    proxy.go_on()
    sender.join(SECONDS)

    assert (before, keys()) == ([], ["late"])


def test_connections_are_refused_until_it_heals(proxy):
    proxy.refuse()
    with pytest.raises(psycopg.OperationalError):
        connect(proxy)

    proxy.heal()

    with connect(proxy) as client:
        assert client.execute("SELECT 1").fetchone() == (1,)


def test_connections_that_are_reset_are_lost(proxy, client):
    client.execute("SELECT 1")

    assert proxy.reset() == 1

    with pytest.raises(psycopg.OperationalError):
        client.execute("SELECT 1")


def test_a_delay_makes_statements_run_out_of_time(proxy, client):
    client.execute("SET statement_timeout = 1")
    proxy.delay(0.01)

    assert client.execute("SELECT 1").fetchone() == (1,)
    assert proxy.newcomers == 1


def test_a_silent_network_keeps_back_notifications_and_nothing_else(proxy):
    proxy.is_silent = True
    with connect(proxy) as listener:
        listener.execute("LISTEN secrets")
        listener.execute("NOTIFY secrets, 'a'")
        heard = list(listener.notifies(timeout=0.1))
        (one,) = listener.execute("SELECT 1").fetchone()

    assert (heard, one) == ([], 1)


def test_a_network_that_is_not_silent_lets_notifications_pass(client):
    client.execute("LISTEN secrets")
    client.execute("NOTIFY secrets, 'a'")

    heard = [each.payload for each in client.notifies(timeout=5, stop_after=1)]

    assert heard == ["a"]


def test_a_deaf_network_ends_the_connection_of_who_listens(proxy):
    proxy.is_deaf = True

    with connect(proxy) as listener, pytest.raises(psycopg.OperationalError):
        listener.execute("LISTEN secrets")
