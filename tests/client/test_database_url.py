"""From a URL to a database; what is wrong with one, and nothing that is secret."""

import traceback

import pytest
from django.core.exceptions import ImproperlyConfigured

from django_durable.client.database_url import identity, masked, parse
from example_project.databases import SQLITE_OPTIONS

SECRET = "pa55"


def test_a_url_of_postgresql_names_everything():
    database = parse("postgres://ada:p%40ss@db.example:6432/shop?connect_timeout=3")

    assert database["ENGINE"] == "django.db.backends.postgresql"
    assert (database["USER"], database["PASSWORD"]) == ("ada", "p@ss")
    assert (database["HOST"], database["PORT"]) == ("db.example", 6432)
    assert database["NAME"] == "shop"
    assert database["OPTIONS"] == {"connect_timeout": 3}
    assert (database["CONN_MAX_AGE"], database["CONN_HEALTH_CHECKS"]) == (None, True)


def test_a_url_may_name_a_socket_or_a_service():
    socket = parse("postgresql://postgres@/shop?host=/run/postgresql")
    service = parse("postgresql:///?service=shop")

    assert socket["OPTIONS"]["host"] == "/run/postgresql"
    assert service["OPTIONS"]["service"] == "shop"


def test_the_url_of_a_geographic_project_needs_no_geographic_libraries():
    assert parse("postgis://ada@h/shop")["ENGINE"] == "django.db.backends.postgresql"


def test_a_file_of_sqlite_is_opened_as_the_workers_open_it(tmp_path, monkeypatch):
    (tmp_path / "db@1.sqlite3").touch()
    monkeypatch.chdir(tmp_path)

    absolute = parse(f"sqlite:///{tmp_path}/db@1.sqlite3?timeout=5")
    relative = parse("sqlite:///db@1.sqlite3")

    assert absolute["NAME"] == relative["NAME"] == str(tmp_path / "db@1.sqlite3")
    assert relative["OPTIONS"] == SQLITE_OPTIONS
    assert absolute["OPTIONS"] == {**SQLITE_OPTIONS, "timeout": 5}


@pytest.mark.parametrize("value", [None, 5, b"sqlite:///db.sqlite3"])
def test_a_url_is_a_string(value):
    with pytest.raises(TypeError, match="postgresql://user:password@host"):
        parse(value)


@pytest.mark.parametrize(
    ("url", "advice"),
    [
        ("", "no database URL"),
        (f"ada:{SECRET}@host/shop", "Write postgresql://"),
        (f"ada:{SECRET}@postgresql://host/shop", "Write postgresql://"),
        (f"mysql://ada:{SECRET}@host/shop", "in PostgreSQL or SQLite"),
        (f"oracle://ada:{SECRET}@host/shop", "in PostgreSQL or SQLite"),
        (f"postgres://ada:{SECRET}@host", "names no database"),
        (f"postgres://ada:{SECRET}@host/", "names no database"),
        (f"postgres://ada:{SECRET}@host:seven/shop", "Check the port"),
        (f"postgres://ada:{SECRET}@host:70000/shop", "Check the port"),
        (f"postgres://ada:x/{SECRET}@host/shop", "%2F"),
        (f"postgres://ada:12/{SECRET}@host/shop", "%2F"),
        (f"postgres://ada:{SECRET}/x@host/shop", "%2F"),
        (f"postgres://ada:1?{SECRET}@host/shop", "names no database"),
        (f"postgres://ada@host/?sslpassword={SECRET}", "names no database"),
        (f"postgres://host/?user=ada&password={SECRET}", "names no database"),
        ("sqlite://db.sqlite3", "sqlite:////path/to/file"),
        ("sqlite://", "sqlite:////path/to/file"),
        ("sqlite:///", "sqlite:////path/to/file"),
        ("sqlite://:memory:", "in memory belongs to one process"),
        ("sqlite:///:memory:", "in memory belongs to one process"),
        ("sqlite:////nowhere/db.sqlite3", "There is no SQLite database"),
    ],
)
def test_a_url_that_cannot_serve_says_why_and_keeps_the_password(url, advice):
    with pytest.raises(ImproperlyConfigured) as caught:
        parse(url)

    assert advice in str(caught.value)
    shown = "".join(traceback.format_exception(caught.value))
    assert SECRET not in shown
    assert caught.value.__cause__ is caught.value.__context__ is None


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://ada:pa55@host:1/shop", "postgresql://ada:***@host:1/shop"),
        ("postgresql://ada:p@a:5/5@host/shop", "postgresql://ada:***@host/shop"),
        ("postgresql://ada@host/shop", "postgresql://ada@host/shop"),
        (
            "postgresql://host/x?password=pa55&a=b",
            "postgresql://host/x?password=***&a=b",
        ),
        ("sqlite:////var/db.sqlite3", "sqlite:////var/db.sqlite3"),
        ("ada:pa55@host/shop", "***"),
    ],
)
def test_a_password_is_masked(url, shown):
    assert masked(url) == shown


@pytest.mark.parametrize(
    "other",
    [
        "postgresql://grace:other@db:5432/shop",
        "psql://ada@DB/shop?application_name=report",
        "postgres:///shop?host=db&port=5432",
    ],
)
def test_one_database_can_be_written_in_many_ways(other):
    assert identity(parse("postgres://ada:a@db/shop")) == identity(parse(other))


@pytest.mark.parametrize(
    "other",
    ["postgres://ada@db/shop2", "postgres://ada@db2/shop", "postgres://ada@db:1/shop"],
)
def test_another_place_is_another_database(other):
    assert identity(parse("postgres://ada:a@db/shop")) != identity(parse(other))
