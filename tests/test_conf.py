import dataclasses
from datetime import timedelta

import pytest
from django.core.exceptions import ImproperlyConfigured

from django_durable import conf


@pytest.fixture(autouse=True)
def no_settings(settings):
    settings.DURABLE = {}


def only_problem(raw):
    (problem,) = conf.problems(raw)
    return problem


def test_without_settings_every_key_has_its_default(settings):
    del settings.DURABLE

    assert conf.current() == conf.Settings()


def test_the_defaults_are_those_of_the_documentation():
    assert dataclasses.asdict(conf.Settings()) == {
        "database": "default",
        "serializer": "django_durable.serialization.JSONSerializer",
        "read_serializers": ("json",),
        "app_version": None,
        "on_version_change": "pin",
        "heartbeat": 2.0,
        "lease": 15.0,
        "sweep": 10.0,
        "hot_wait": 2.0,
        "async_hot_wait": 60.0,
        "drain": 5.0,
        "concurrency": 16,
        "async_concurrency": 200,
        "stream_buffer_items": 100,
        "stream_buffer_seconds": 0.05,
        "stream_buffer_bytes": 64 * 1024,
        "stream_authorizer": None,
        "stream_token_age": 900.0,
        "stream_recheck": 60.0,
        "stream_heartbeat": 25.0,
        "stream_hello_timeout": 10.0,
        "stream_ack_timeout": 30.0,
        "stream_window_bytes": 256 * 1024,
        "stream_windows_bytes": 256 * 1024 * 1024,
        "stream_sockets": 10_000,
        "stream_sockets_per_user": 20,
        "stream_handshake_rate": 200,
        "stream_handshake_rate_per_address": 50,
        "stream_message_rate": 200,
        "stream_channel_layer": "default",
        "max_value_bytes": 2_097_152,
        "retention": None,
        "env_label": None,
        "admin": True,
        "redact": (),
        "metrics_token": None,
    }


def test_the_defaults_are_without_problems():
    defaults = {key: each.default for key, each in conf.KEYS.items()}

    assert conf.problems(defaults) == []


def test_every_key_is_documented():
    for key, each in conf.KEYS.items():
        assert each.metadata["doc"].endswith("."), key


def test_a_change_of_the_settings_is_seen_at_once(settings):
    before = conf.current().lease

    settings.DURABLE = {"LEASE": 60}

    assert (before, conf.current().lease) == (15.0, 60.0)


def test_unchanged_settings_are_read_once():
    assert conf.current() is conf.current()


@pytest.mark.parametrize(
    ("raw", "seconds"),
    [(30, 30.0), (30.5, 30.5), (timedelta(minutes=1), 60.0)],
)
def test_seconds_may_be_written_as_a_number_or_a_timedelta(settings, raw, seconds):
    settings.DURABLE = {"LEASE": raw}

    assert conf.current().lease == seconds
    assert type(conf.current().lease) is float


@pytest.mark.parametrize("key", ["HOT_WAIT", "ASYNC_HOT_WAIT", "DRAIN"])
def test_patience_may_be_zero(key):
    assert conf.problems({key: 0}) == []


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("LEASE", "30"),
        ("LEASE", True),
        ("LEASE", None),
        ("DATABASE", None),
        ("CONCURRENCY", 1.5),
        ("CONCURRENCY", True),
        ("ASYNC_CONCURRENCY", "16"),
        ("MAX_VALUE_BYTES", "2 MiB"),
        ("APP_VERSION", 3),
        ("RETENTION", "30 days"),
        ("READ_SERIALIZERS", "json"),
        ("READ_SERIALIZERS", [1]),
        ("SERIALIZER", None),
        ("ON_VERSION_CHANGE", True),
        ("ENV_LABEL", 1),
        ("ADMIN", None),
        ("ADMIN", 1),
        ("REDACT", "password"),
        ("REDACT", [1]),
    ],
)
def test_a_value_of_the_wrong_type_is_a_problem(key, value):
    problem = only_problem({key: value})

    assert (problem.kind, problem.key) == ("type", key)
    assert key in problem.message
    assert repr(value) in problem.message


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("LEASE", 0),
        ("HEARTBEAT", -1),
        ("SWEEP", float("nan")),
        ("SWEEP", float("inf")),
        ("HOT_WAIT", -0.1),
        ("DRAIN", timedelta(seconds=-1)),
        ("RETENTION", 0),
        ("RETENTION", timedelta.max),
        ("CONCURRENCY", 0),
        ("ASYNC_CONCURRENCY", -5),
        ("MAX_VALUE_BYTES", 0),
        ("DATABASE", " "),
        ("APP_VERSION", ""),
        ("ON_VERSION_CHANGE", "pni"),
        ("SERIALIZER", "JSONSerializer"),
        ("SERIALIZER", "shop.serializers:Ours"),
        ("READ_SERIALIZERS", []),
        ("ENV_LABEL", " "),
        ("METRICS_TOKEN", ""),
        ("ADMIN", "AdminMixin"),
        ("REDACT", [""]),
        ("REDACT", ["card."]),
    ],
)
def test_a_value_that_cannot_work_is_a_problem(key, value):
    problem = only_problem({key: value})

    assert (problem.kind, problem.key) == ("range", key)
    assert problem.hint


@pytest.mark.parametrize("raw", [True, False, "unfold.admin.ModelAdmin"])
def test_the_console_may_be_switched_off_or_made_with_a_class(settings, raw):
    settings.DURABLE = {"ADMIN": raw}

    assert conf.current().admin == raw


def test_patterns_are_written_as_a_list_or_a_tuple(settings):
    settings.DURABLE = {"REDACT": ["password", "card.*"]}

    assert conf.current().redact == ("password", "card.*")
    assert only_problem({"REDACT": "card"}).hint == "Write ['card']."


def test_a_number_in_quotes_is_told_apart_from_nonsense():
    assert only_problem({"LEASE": "30"}).hint == "Write 30 without quotes."


@pytest.mark.parametrize(
    ("raw", "lease"), [({"LEASE": 4}, "4"), ({"HEARTBEAT": 7.5}, "15")]
)
def test_a_lease_has_to_outlast_two_heartbeats(raw, lease):
    problem = only_problem(raw)

    assert (problem.kind, problem.key) == ("range", "LEASE")
    assert f"{lease} seconds" in problem.message


def test_an_unknown_key_is_answered_with_the_nearest_one():
    problem = only_problem({"LAESE": 30})

    assert (problem.kind, problem.key) == ("unknown", "LAESE")
    assert "did you mean 'LEASE'?" in problem.message


def test_a_key_in_lower_case_is_unknown():
    assert only_problem({"lease": 30}).hint == "Rename it to LEASE."


@pytest.mark.parametrize("raw", ["LEASE", ["LEASE"], 5])
def test_settings_that_are_no_dict_are_a_problem(raw):
    problem = only_problem(raw)

    assert (problem.kind, problem.key) == ("type", "DURABLE")


def test_all_problems_are_found_at_once():
    found = conf.problems({"LEASE": "30", "QUEUE": 1, 5: 6, "DRAIN": -1})

    assert [each.kind for each in found] == ["type", "unknown", "unknown", "range"]


def test_a_bad_value_is_refused_where_it_is_read(settings):
    settings.DURABLE = {"LEASE": "30"}

    with pytest.raises(ImproperlyConfigured) as caught:
        conf.current().lease  # noqa: B018

    assert str(caught.value) == (
        "DURABLE[\"LEASE\"] is '30', but must be a number of seconds or a timedelta. "
        "Write 30 without quotes."
    )


def test_a_bad_value_leaves_the_other_keys_readable(settings):
    settings.DURABLE = {"LEASE": "30", "DATABASE": "workflows", "QUEUE": 1}

    assert conf.current().database == "workflows"
    assert conf.current().heartbeat == 2.0


def test_settings_that_are_no_dict_are_refused_where_they_are_read(settings):
    settings.DURABLE = ["LEASE"]

    with pytest.raises(ImproperlyConfigured, match="must be a dict"):
        conf.current().database  # noqa: B018


def test_a_name_that_is_no_setting_is_no_attribute(settings):
    settings.DURABLE = {"LEASE": "30"}

    assert not hasattr(conf.current(), "leese")
