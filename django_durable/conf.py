"""The settings: the dict ``DURABLE`` of a Django project.

Every key, its type, its default and its line of documentation stand in `Settings`.
Settings are read on use, never at import, so ``override_settings`` simply works.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from datetime import timedelta
from typing import Any, Literal, NoReturn

from django.conf import settings as django_settings
from django.core.exceptions import ImproperlyConfigured

from django_durable.suggestions import nearest, unknown_names

_LONGEST = timedelta(days=36525).total_seconds()


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with one key of the dict.

    ``kind`` is ``"unknown"`` (no such key), ``"type"`` or ``"range"`` (the right
    type, but a value that cannot work); ``message`` names key and value, ``hint``
    the way out.
    """

    kind: Literal["unknown", "type", "range"]
    key: str
    message: str
    hint: str


class _BadValue(Exception):
    """A reader refuses a value; caught where the key is known."""

    def __init__(self, kind: Literal["type", "range"], must_be: str) -> None:
        super().__init__(must_be)
        self.kind: Literal["type", "range"] = kind
        self.must_be = must_be


# Readers: each takes the value of a key and returns it in the type of its attribute.


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise _BadValue("type", "a string")
    if not value.strip():
        raise _BadValue("range", "a string that is not empty")
    return value


def _dotted_path(value: object) -> str:
    if not isinstance(value, str):
        raise _BadValue("type", "a dotted path")
    parts = value.split(".")
    if len(parts) < 2 or not all(part.isidentifier() for part in parts):
        raise _BadValue("range", "a dotted path")
    return value


def _format_names(value: object) -> tuple[str, ...]:
    if not isinstance(value, (list, tuple)) or not all(
        isinstance(name, str) for name in value
    ):
        raise _BadValue("type", "a list of format names")
    if not value or not all(value):
        raise _BadValue("range", "a list of format names, such as ['json']")
    return tuple(value)


def _seconds(value: object, *, zero: bool) -> float:
    if isinstance(value, timedelta):
        value = value.total_seconds()
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise _BadValue("type", "a number of seconds or a timedelta")
    if not (0 <= value <= _LONGEST) or (value == 0 and not zero):
        least = "0 or more" if zero else "more than 0"
        raise _BadValue("range", f"{least} and at most 100 years, in seconds")
    return float(value)


def _duration(value: object) -> float:
    return _seconds(value, zero=False)


def _patience(value: object) -> float:
    return _seconds(value, zero=True)


def _count(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise _BadValue("type", "a whole number")
    if value < 1:
        raise _BadValue("range", "a whole number of 1 or more")
    return value


def _version_policy(value: object) -> str:
    if not isinstance(value, str):
        raise _BadValue("type", "'pin' or 'continue'")
    if value not in ("pin", "continue"):
        raise _BadValue("range", "'pin' or 'continue'")
    return value


def _or_none(reader: Callable[[object], Any]) -> Callable[[object], Any]:
    def read(value: object) -> Any:
        return None if value is None else reader(value)

    return read


def _setting(default: object, reader: Callable[[object], Any], doc: str) -> Any:
    return field(default=default, metadata={"reader": reader, "doc": doc})


@dataclass(frozen=True, slots=True)
class Settings:
    """The values in force: one attribute per key of ``DURABLE``, in lower case.

    Lengths of time are seconds; a project may write them as ``timedelta`` too.
    """

    database: str = _setting(
        "default",
        _text,
        "Alias of the database that stores the workflows.",
    )
    serializer: str = _setting(
        "django_durable.serialization.JSONSerializer",
        _dotted_path,
        "Dotted path of the class that writes values.",
    )
    read_serializers: tuple[str, ...] = _setting(
        ("json",),
        _format_names,
        "Formats that may be read: short names, or dotted paths of classes.",
    )
    app_version: str | None = _setting(
        None,
        _or_none(_text),
        "Version of every definition without its own; None: a hash of its source.",
    )
    on_version_change: Literal["pin", "continue"] = _setting(
        "pin",
        _version_policy,
        "'pin': only the version that started a workflow executes it; 'continue': "
        "the present code takes over.",
    )
    heartbeat: float = _setting(
        2.0,
        _duration,
        "Seconds between two signs of life of a worker.",
    )
    lease: float = _setting(
        15.0,
        _duration,
        "Seconds without a sign of life after which a worker's workflows are taken "
        "over; more than twice HEARTBEAT.",
    )
    sweep: float = _setting(
        10.0,
        _duration,
        "Seconds between two looks at the database for work that no wake-up told of.",
    )
    hot_wait: float = _setting(
        2.0,
        _patience,
        "Seconds that a waiting workflow keeps its thread before it is suspended.",
    )
    async_hot_wait: float = _setting(
        60.0,
        _patience,
        "Seconds that a waiting async workflow stays in memory before it is suspended.",
    )
    drain: float = _setting(
        5.0,
        _patience,
        "Seconds that a stopping worker gives to running steps.",
    )
    concurrency: int = _setting(
        16,
        _count,
        "Workflows that one worker executes in threads at the same time.",
    )
    async_concurrency: int = _setting(
        200,
        _count,
        "Async workflows that one worker executes at the same time.",
    )
    stream_buffer_items: int = _setting(
        100,
        _count,
        "Values of streams that a step gathers before it writes them.",
    )
    stream_buffer_seconds: float = _setting(
        0.05,
        _duration,
        "How long the first gathered value of a stream waits at most.",
    )
    stream_buffer_bytes: int = _setting(
        64 * 1024,
        _count,
        "Size of the gathered values at which a step writes them.",
    )
    stream_authorizer: str | None = _setting(
        None,
        _or_none(_dotted_path),
        "Dotted path of a function that has a say in who may watch a stream.",
    )
    stream_token_age: float = _setting(
        900.0, _duration, "Seconds that a token of stream_token() lasts."
    )
    stream_recheck: float = _setting(
        60.0, _duration, "Seconds between two looks whether a watcher still may."
    )
    stream_heartbeat: float = _setting(
        25.0, _duration, "Seconds between two signs of life to whoever watches."
    )
    stream_hello_timeout: float = _setting(
        10.0, _duration, "Seconds that a socket has to send its token."
    )
    stream_ack_timeout: float = _setting(
        30.0, _duration, "Seconds that values wait for a watcher that does not read."
    )
    stream_window_bytes: int = _setting(
        256 * 1024, _count, "Bytes that a socket is sent ahead of what it acknowledges."
    )
    stream_windows_bytes: int = _setting(
        256 * 1024 * 1024, _count, "The same for all sockets of a process together."
    )
    stream_sockets: int = _setting(
        10_000, _count, "Sockets and event streams that a process serves at once."
    )
    stream_sockets_per_user: int = _setting(20, _count, "The same for one user.")
    stream_handshake_rate: int = _setting(
        200,
        _count,
        "Sockets and event streams a second that a process begins to serve; twice as"
        " many at once.",
    )
    stream_message_rate: int = _setting(
        200, _count, "Messages a second that a socket may send."
    )
    stream_channel_layer: str | None = _setting(
        "default",
        _or_none(_text),
        "Alias of the channel layer that carries hints beside the database's own.",
    )
    max_value_bytes: int = _setting(
        2 * 1024 * 1024,
        _count,
        "Largest value that is stored, in bytes of its UTF-8 text.",
    )
    retention: float | None = _setting(
        None,
        _or_none(_duration),
        "Seconds that finished workflows are kept; None: for ever.",
    )


KEYS = {each.name.upper(): each for each in fields(Settings)}
"""The dataclass field of each key; ``KEYS["LEASE"].metadata["doc"]`` explains it."""


def problems(raw: object) -> list[Problem]:
    """Return everything that is wrong with a ``DURABLE`` dict, in order of its keys.

    Every problem is found at once and none is raised: the system checks report
    them together.
    """
    return _read(raw)[1]


_cached: tuple[object, Settings] = (None, Settings())


def current() -> Settings:
    """Return the settings in force.

    Unknown keys are left to the system checks. A bad value raises
    ImproperlyConfigured when its own attribute is read, so that one bad key does
    not hide the others.
    """
    global _cached
    raw = getattr(django_settings, "DURABLE", None)
    # override_settings swaps the dict, hence its identity tells when to read anew.
    if (cached := _cached)[0] is not raw:
        _cached = cached = (raw, _parse(raw))
    return cached[1]


def _parse(raw: object) -> Settings:
    values, found = _read(raw)
    faults = {problem.key: problem for problem in found if problem.kind != "unknown"}
    if not faults:
        return Settings(**values)
    return _FaultySettings(values, faults)


class _FaultySettings(Settings):
    """The settings of a dict with bad values: reading one of those tells."""

    __slots__ = ("_faults",)
    _faults: Mapping[str, Problem]

    def __init__(
        self, values: Mapping[str, object], faults: Mapping[str, Problem]
    ) -> None:
        object.__setattr__(self, "_faults", faults)
        for name, value in values.items():
            if name.upper() not in faults:
                object.__setattr__(self, name, value)

    def __getattr__(self, name: str) -> NoReturn:
        # Called for slots without a value only, which are those of bad keys.
        problem = self._faults.get(name.upper()) or self._faults.get("DURABLE")
        if problem is None or name.upper() not in KEYS:
            raise AttributeError(name)
        raise ImproperlyConfigured(f"{problem.message} {problem.hint}")


def _read(raw: object) -> tuple[dict[str, Any], list[Problem]]:
    """Return the value of every attribute that can be read, and the problems."""
    if raw is None:
        raw = {}
    if not isinstance(raw, Mapping):
        return {}, [_not_a_dict(raw)]
    values = {each.name: each.default for each in KEYS.values()}
    found: list[Problem] = []
    for key, value in raw.items():
        if key not in KEYS:
            found.append(_unknown(key))
            continue
        try:
            values[key.lower()] = KEYS[key].metadata["reader"](value)
        except _BadValue as bad:
            found.append(_bad(key, value, bad))
    found.extend(_lease_problems(values, found))
    return values, found


def _lease_problems(
    values: Mapping[str, Any], found: list[Problem]
) -> Iterator[Problem]:
    if {"LEASE", "HEARTBEAT"} & {problem.key for problem in found}:
        return
    lease, heartbeat = values["lease"], values["heartbeat"]
    if lease <= 2 * heartbeat:
        yield Problem(
            "range",
            "LEASE",
            f'DURABLE["LEASE"] is {lease:g} seconds, but must be more than twice '
            f'DURABLE["HEARTBEAT"], which is {heartbeat:g} seconds.',
            f"Set LEASE to {4 * heartbeat:g}, or HEARTBEAT to {lease / 4:g}.",
        )


def _not_a_dict(raw: object) -> Problem:
    return Problem(
        "type",
        "DURABLE",
        f"DURABLE is {raw!r}, but must be a dict.",
        'Write DURABLE = {"LEASE": 15}, for example, or leave it out.',
    )


def _unknown(key: object) -> Problem:
    name = key if isinstance(key, str) else repr(key)
    hint = f"Rename it to {meant}." if (meant := nearest(name, KEYS)) else "Remove it."
    message = f"DURABLE has an {unknown_names('key', name, KEYS)}"
    return Problem("unknown", name, message, hint)


def _bad(key: str, value: object, bad: _BadValue) -> Problem:
    message = f'DURABLE["{key}"] is {value!r}, but must be {bad.must_be}.'
    return Problem(bad.kind, key, message, _way_out(key, value))


def _way_out(key: str, value: object) -> str:
    default = KEYS[key].default
    if isinstance(value, str) and isinstance(default, tuple):
        return f"Write [{value!r}]."
    if isinstance(value, str) and value.replace(".", "", 1).isdecimal():
        return f"Write {value} without quotes."
    return f"Leave it out to use the default, {default!r}."
