"""Stored values as the JSON that browsers get; messages and windows."""

import json
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from django_durable import serialization
from django_durable.models.watching import StoredEntry
from django_durable.streaming import frames, limits
from django_durable.streaming.entries import entry_of, value_text
from django_durable.streaming.frames import Frame
from django_durable.streaming.limits import TooMany, Watchers, Window

SAFE = 2**53
MOMENT = datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC)
VALUES = [
    (None, None),
    (True, True),
    (False, False),
    ("Hällo", "Hällo"),
    ("", ""),
    ('"quoted"\n', '"quoted"\n'),
    ("</pre><script>", "</pre><script>"),
    ("\0", "\0"),
    ("\ud800", "\ud800"),
    (0, 0),
    (-1, -1),
    (SAFE, SAFE),
    (-SAFE, -SAFE),
    (SAFE + 1, {"$int": str(SAFE + 1)}),
    (-SAFE - 1, {"$int": str(-SAFE - 1)}),
    (10**4000, {"$int": str(10**4000)}),
    (1.5, 1.5),
    (1e22, 1e22),
    (Decimal("1.10"), {"$decimal": "1.10"}),
    (float("nan"), {"$float": "nan"}),
    ((1, (2,)), [1, [2]]),
    ({1}, [1]),
    (frozenset("a"), ["a"]),
    (b"\xff", {"$bytes": "/w=="}),
    (date(2026, 1, 2), {"$date": "2026-01-02"}),
    (MOMENT, {"$datetime": MOMENT.isoformat()}),
    (timedelta(1), {"$timedelta": [1, 0, 0]}),
    (UUID(int=5), {"$uuid": str(UUID(int=5))}),
    ({"a": [SAFE * 2, (1,)]}, {"a": [{"$int": str(SAFE * 2)}, [1]]}),
    ({1: 2}, {"$dict": [[1, 2]]}),
    ({"$int": "5"}, {"$dict": [["$int", "5"]]}),
    ({"$a": 1, "b": 2}, {"$a": 1, "b": 2}),
]


def stored(value):
    return value_text(serialization.dumps(value, "value"))


@pytest.mark.once
@pytest.mark.parametrize(("value", "expected"), VALUES, ids=lambda each: repr(each)[:9])
def test_a_value_becomes_json(value, expected):
    text = stored(value)

    text.encode()  # It is valid Unicode.
    assert json.loads(text) == expected
    assert text == text.strip()


@pytest.mark.once
def test_a_value_of_another_format_is_shown_with_tags(settings):
    settings.DURABLE = {
        "SERIALIZER": "django_durable.serialization.PickleSerializer",
        "READ_SERIALIZERS": ["json", "pickle"],
    }

    assert json.loads(stored({"a": (1, Decimal("2"))})) == {"a": [1, {"$decimal": "2"}]}
    assert json.loads(stored(object)) == {"$unreadable": True}


@pytest.mark.once
@pytest.mark.parametrize(
    "text",
    [
        "json:[",
        "json:",
        "json:nul",
        'json:"',
        "pickle:x",
        "x",
        "",
        f"json:{'[' * 10**5}",
    ],
)
def test_what_cannot_be_read_is_shown_as_such(text):
    assert value_text(text) == '{"$unreadable":true}'


def entry(value, **more):
    text = None if value is None else serialization.dumps(value, "value")
    size = 99 if text is None else len(text)
    writer = {"branch": "", "step_id": 2, "attempt": 1, "claim": 1, **more}
    stored = StoredEntry(7, text, size, **writer, written_at=MOMENT)
    return entry_of("w", "k", stored)


@pytest.mark.once
def test_an_entry_says_who_wrote_it():
    found = json.loads(entry("a", branch="1", attempt=3, claim=4).text)

    assert found == {
        "o": 7,
        "v": "a",
        "at": MOMENT.isoformat(),
        "step": 2,
        "attempt": 3,
        "claim": 4,
        "branch": "1",
    }


@pytest.mark.once
@pytest.mark.parametrize("value", ["ä" * 40_000, None])
def test_a_value_without_room_in_a_frame_is_left_out(value, settings):
    settings.ROOT_URLCONF = "tests.streaming.urls"

    found = json.loads(entry(value).text)

    assert "v" not in found
    assert found["link"] == "/durable/streams/value/?workflow=w&key=k&offset=7"
    assert found["bytes"] > 90


@pytest.mark.once
def test_frames_take_as_many_entries_as_fit():
    entries = [entry("x" * 1000) for _ in range(100)]

    fitting = frames.fit(entries)
    one = frames.fit(entries, largest=10)

    assert len(one) == 1
    assert len(frames.frame_of(fitting, has_more=True).text) <= 65536
    assert len(frames.frame_of(entries[: len(fitting) + 1], has_more=True).text) > 65536
    assert frames.fit([]) == []


def sent(size, number):
    return Frame("x" * size, size, number)


@pytest.mark.once
def test_a_window_has_room_until_it_is_full():
    window = Window(100)

    window.send(sent(60, 1))
    assert window.has_room_for(sent(40, 2))
    window.send(sent(40, 2))
    assert not window.has_room_for(sent(1, 3))
    window.acknowledge(1)
    assert window.has_room_for(sent(60, 3))
    assert not window.has_room_for(sent(61, 3))


@pytest.mark.once
def test_one_message_may_always_be_on_its_way():
    window = Window(100)

    assert window.has_room_for(sent(10_000, 1))
    window.send(sent(10_000, 1))
    assert not window.has_room_for(sent(1, 2))


@pytest.mark.once
def test_windows_shrink_when_little_is_left_for_all(settings):
    settings.DURABLE = {"STREAM_WINDOWS_BYTES": 1024 * 1024}
    everybody = Watchers()

    held = [everybody.window() for _ in range(100)]
    sizes = [each.__enter__().size for each in held]
    granted = everybody.granted
    for each in held:
        each.__exit__(None, None, None)

    assert sizes[0] == 1024 * 1024 // limits.SHARE
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-1] == limits.LEAST_WINDOW
    assert granted == sum(sizes)
    assert everybody.granted == 0


@pytest.mark.once
def test_places_are_given_back_whatever_happens(settings):
    settings.DURABLE = {"STREAM_SOCKETS": 1, "STREAM_SOCKETS_PER_USER": 1}
    everybody = Watchers()

    def take_places():
        with everybody.place(), everybody.place_of("1"):
            for another in (everybody.place(), everybody.place_of("1")):
                with pytest.raises(TooMany):
                    another.__enter__()
            with everybody.place_of("2"), everybody.place_of(None):
                raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        take_places()

    assert (everybody.count, everybody.users) == (0, {})


@pytest.mark.once
def test_everything_but_the_sockets_works_without_channels():
    code = """
import sys
sys.modules["channels"] = None
import django
from django.conf import settings
settings.configure(
    SECRET_KEY="x", USE_TZ=True, ROOT_URLCONF="django_durable.streaming.urls",
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes",
                    "django.contrib.sessions", "django_durable"],
    CHANNEL_LAYERS={"default": {"BACKEND": "nowhere"}}, ALLOWED_HOSTS=["testserver"],
)
django.setup()
from django.core.management import call_command
from django.test import Client
import django_durable as durable
call_command("migrate", verbosity=0)

@durable.workflow(version="1")
def write():
    durable.write_stream("out", "a")

write.using(workflow_id="w").start()
from django_durable.testing import run_until_idle
run_until_idle()
token = durable.stream_token("w", "out")
headers = {"Authorization": f"Bearer {token}"}
answer = Client().get("/streams/?workflow=w&key=out", headers=headers)
print(answer.json()["entries"][0]["v"], answer.json()["over"])
from django_durable.streaming.asgi import get_asgi_application
try:
    get_asgi_application()
except Exception as error:
    print(type(error).__name__, "channels" in str(error))
"""
    found = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=60,
        env={"PYTHONPATH": ":".join(filter(None, sys.path))},
    )

    assert found.stderr == ""
    assert found.stdout.split() == ["a", "True", "ImproperlyConfigured", "True"]
