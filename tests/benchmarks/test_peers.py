"""Other engines: missing ones say why, and nobody touches the measured database."""

import pytest
from django.db import connection

from benchmarks.peers import celery, dbos
from benchmarks.rounds import Case, Time, ask


def notes_on(peer):
    """Measure a case beside this peer and return what is said about it."""
    case = Case("case", "ms", lambda: 1.0, peer=peer)
    return ask(case, 3, Time(1000, 1), lambda text: None).notes


def test_nobody_is_measured_who_was_not_asked_for():
    assert dbos.peer(None, "steps", "in_sequence", 10) is None
    assert dbos.throughput_peer(None, "throughput", "in_sequence", 10, 1, 1) is None


def test_dbos_says_when_it_is_not_installed(monkeypatch):
    monkeypatch.setattr(dbos, "find_spec", lambda name: None)

    (note,) = notes_on(dbos.peer("dbos", "steps", "in_sequence", 10))

    assert note == "DBOS: not installed; it comes with the extra bench"


def test_celery_says_when_it_is_not_installed(monkeypatch):
    monkeypatch.setattr(celery, "find_spec", lambda name: None)

    (note,) = notes_on(celery.peer(10, quick=True))

    assert note.startswith("Celery: celery is not installed")


def test_celery_says_when_there_is_no_redis_server(monkeypatch):
    monkeypatch.setattr(celery, "find_spec", lambda name: name)
    monkeypatch.setattr(celery.shutil, "which", lambda name: None)

    (note,) = notes_on(celery.peer(10, quick=True))

    assert note.startswith("Celery: there is no redis-server")


@pytest.mark.django_db
def test_dbos_gets_a_database_of_its_own_on_the_same_server():
    name = str(connection.settings_dict["NAME"])

    assert connection.vendor in dbos.url()
    assert name in dbos.url()
    assert dbos.url().partition("?")[0].rpartition("/")[2] != name.rpartition("/")[2]
