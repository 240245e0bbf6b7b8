"""System checks: each has an id and a hint."""

import pytest
from django.core.checks import Error, Warning, run_checks
from django.db import connections

import django_durable as durable
from django_durable import checks
from django_durable.definitions import registry

connection = connections["default"]


@durable.workflow
def reporting(of):
    pass


@pytest.fixture(autouse=True)
def no_settings(settings):
    settings.DURABLE = {}


@pytest.fixture(autouse=True)
def no_workflows(monkeypatch):
    """Keep out what is said of the workflows of other tests."""
    monkeypatch.setattr(registry, "_definitions", {})


@pytest.fixture
def database(monkeypatch):
    """Change the settings that the checks see of the connection."""

    def change(**settings):
        changed = {**connection.settings_dict, **settings}
        monkeypatch.setattr(connection, "settings_dict", changed)

    return change


def ids(found=None, **options):
    found = run_checks(tags=["durable"], **options) if found is None else found
    return sorted(each.id.removeprefix("django_durable.") for each in found)


def only(number, *, kind=Error, **options):
    found = run_checks(tags=["durable"], **options)
    (message,) = [each for each in found if each.id == f"django_durable.{number}"]
    assert type(message) is kind
    assert message.hint
    return message


def test_good_settings_have_no_findings():
    assert ids() == []
    assert ids(include_deployment_checks=True) == []


def test_e001_names_an_unknown_key_and_the_one_that_was_meant(settings):
    settings.DURABLE = {"LAESE": 30}

    message = only("E001")

    assert "'LAESE'" in message.msg
    assert "did you mean 'LEASE'?" in message.msg
    assert message.hint == "Rename it to LEASE."


@pytest.mark.parametrize(
    "raw", [{"LEASE": 0}, {"LEASE": 3}, {"HEARTBEAT": 60}, {"CONCURRENCY": 0}]
)
def test_e002_names_an_impossible_value(settings, raw):
    settings.DURABLE = raw

    assert ids() == ["E002"]
    assert only("E002").hint


@pytest.mark.parametrize("raw", [{"LEASE": "30"}, {"CONCURRENCY": 1.5}, ["LEASE"]])
def test_e003_names_a_value_of_the_wrong_type(settings, raw):
    settings.DURABLE = raw

    assert ids() == ["E003"]
    assert only("E003").hint


def test_e005_names_an_alias_that_does_not_exist(settings):
    settings.DURABLE = {"DATABASE": "workflows"}

    message = only("E005")

    assert "'workflows'" in message.msg
    assert "default" in message.hint


def test_e005_names_an_engine_that_cannot_hold_the_tables(monkeypatch):
    monkeypatch.setattr(type(connection), "vendor", "mysql")

    assert "'mysql'" in only("E005").msg


def test_e007_needs_time_zones(settings):
    settings.USE_TZ = False

    assert "USE_TZ" in only("E007").hint


def test_all_errors_are_found_at_once(settings):
    settings.DURABLE = {"LAESE": 30, "LEASE": "30", "DRAIN": -1, "DATABASE": "nope"}
    settings.USE_TZ = False

    assert ids() == ["E001", "E002", "E003", "E005", "E007"]


def on_sqlite(test):
    reason = "it is about SQLite's own options"
    return pytest.mark.skipif(connection.vendor != "sqlite", reason=reason)(test)


def on_a_server(test):
    reason = "connections to a file need no test"
    return pytest.mark.skipif(connection.vendor == "sqlite", reason=reason)(test)


@on_sqlite
def test_w010_wants_immediate_transactions(database):
    database(OPTIONS={"init_command": "PRAGMA journal_mode=WAL;"})

    assert "IMMEDIATE" in only("W010", kind=Warning).hint
    assert ids() == ["W010"]


@on_sqlite
def test_w011_wants_a_write_ahead_log(database):
    database(OPTIONS={"transaction_mode": "IMMEDIATE"})

    assert "journal_mode=WAL" in only("W011", kind=Warning).hint
    assert ids() == ["W011"]


@on_sqlite
def test_the_options_may_be_written_in_any_case(database):
    database(
        OPTIONS={
            "transaction_mode": "immediate",
            "init_command": "pragma JOURNAL_MODE = wal;",
        }
    )

    assert ids() == []


@on_a_server
def test_w012_wants_kept_connections_to_be_tested(database):
    database(CONN_MAX_AGE=60, CONN_HEALTH_CHECKS=False)

    assert "CONN_HEALTH_CHECKS" in only("W012", kind=Warning).hint

    database(CONN_MAX_AGE=60, CONN_HEALTH_CHECKS=True)
    assert ids() == []


@on_a_server
def test_w015_warns_of_another_isolation_level(database):
    options = connection.settings_dict["OPTIONS"]
    database(OPTIONS={**options, "isolation_level": 4})

    assert "'isolation_level'" in only("W015", kind=Warning).hint
    assert ids() == ["W015"]

    database(OPTIONS={**options, "isolation_level": 2})
    assert ids() == []


@pytest.mark.parametrize(
    "raw",
    [
        {"SERIALIZER": "django_durable.serialization.PickleSerializer"},
        {"READ_SERIALIZERS": ["json", "pickle"]},
    ],
)
def test_w023_warns_of_pickle_at_deployment(settings, raw):
    settings.DURABLE = raw

    assert ids() == []
    message = only("W023", kind=Warning, include_deployment_checks=True)
    assert "pickle" in message.msg


@pytest.mark.parametrize(
    "path", ["nowhere.may", "tests.nothing", "tests.settings.USE_TZ"]
)
def test_e008_wants_an_authorizer_that_exists(settings, path):
    settings.DURABLE = {"STREAM_AUTHORIZER": path}

    assert "dotted path" in only("E008").hint

    settings.DURABLE = {"STREAM_AUTHORIZER": "tests.streaming.authorizer.may_watch"}
    assert ids() == []


@pytest.mark.parametrize("path", ["nowhere.Admin", "tests.apps.missing", "os.getcwd"])
def test_e009_wants_a_class_for_the_pages_that_exists(settings, path):
    settings.DURABLE = {"ADMIN": path}

    assert path in only("E009").msg

    settings.DURABLE = {"ADMIN": "django.contrib.admin.ModelAdmin"}
    assert ids() == []


def test_w021_warns_when_any_name_may_be_that_of_the_site(settings):
    settings.ASGI_APPLICATION = "mysite.asgi.application"
    settings.ALLOWED_HOSTS = ["*"]

    assert "ALLOWED_HOSTS" in only("W021", kind=Warning).hint

    settings.ALLOWED_HOSTS = ["example.com"]
    assert ids() == []


def test_every_check_says_its_ids():
    functions = [getattr(checks, name) for name in dir(checks) if "check_" in name]

    for function in functions:
        first = function.__doc__.split(":")[0]
        assert first[0] in "EW", function.__name__


def test_a_schedule_whose_arguments_cannot_be_stored_is_an_error():
    durable.schedule("0 3 * * *", name="good", args=[1])(reporting)
    durable.schedule("0 3 * * *", name="bad", args=[object()])(reporting)

    error = only("E010")

    assert error.obj == "bad"
    assert "inputs[0]" in error.msg
