"""Compare what workflows have told each other with what the reference says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import django_durable as durable
from django_durable import serialization
from tests.crash.said import Said
from tests.properties.talk_reference import Talk


def differences(said: Said, talk: Talk, most: int) -> Iterator[str]:
    """Say what is not as it should be; steps say a thing ``most`` times at most."""
    yield from said.differences(_expected(talk))
    for key, entries in said.entries.items():
        for entry, count in Counter(entry[1:] for entry in entries).items():
            if count > most:
                yield f"{entry} is {count} times in stream {key}"
    yield from _misread(said)


def _misread(said: Said) -> Iterator[str]:
    """Read from outside what the tables hold."""
    for key, (_, is_closed) in said.streams.items():
        reader = durable.read_stream(*key, timeout=0)
        read = []
        with suppress(durable.WaitTimeout):  # When its workflow has not ended.
            read = [_text(value) for value in reader]
        written = [value for _, value, _ in said.entries.get(key, [])]
        if (read, reader.closed) != (written, is_closed):
            yield f"who reads {key} gets {read}, not {written}"
    for pk in {pk for pk, _ in said.events}:
        events = durable.get_events(pk)
        mine = {
            key: value for (whose, key), value in said.events.items() if whose == pk
        }
        if {key: _text(value) for key, value in events.items()} != mine:
            yield f"who reads the events of {pk} gets {events}"


def _expected(talk: Talk) -> Said:
    return Said(
        messages={
            box: [(_text(each.message), each.by) for each in letters]
            for box, letters in talk.letters.items()
        },
        events={key: _text(value) for key, value in talk.events.items()},
        past_events={at: _text(value) for at, value in talk.past_events.items()},
        streams=dict.fromkeys(talk.closed, (0, True)),
        entries={
            key: [(0, _text(value), place) for value, place in entries]
            for key, entries in talk.streams.items()
        },
        steps={},
    )


def _text(value: Any) -> str:
    return serialization.dumps(value, "a value")
