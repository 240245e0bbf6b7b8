"""From the dict to the values in force, and to everything that is wrong with it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal, NoReturn

from django.conf import settings as django_settings
from django.core.exceptions import ImproperlyConfigured

from django_durable.conf.masking import MASK, is_secret
from django_durable.conf.operators import OperatorSettings
from django_durable.conf.values import BadValue
from django_durable.suggestions import nearest, unknown_names


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


@dataclass(frozen=True, slots=True)
class Settings(OperatorSettings):
    """The values in force: one attribute per key of ``DURABLE``, in lower case.

    Lengths of time are seconds; a project may write them as ``timedelta`` too.
    """


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
        except BadValue as bad:
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


def _bad(key: str, value: object, bad: BadValue) -> Problem:
    value = MASK if is_secret(key) else value
    message = f'DURABLE["{key}"] is {value!r}, but must be {bad.must_be}.'
    return Problem(bad.kind, key, message, _way_out(key, value))


def _way_out(key: str, value: object) -> str:
    default = KEYS[key].default
    if isinstance(value, str) and isinstance(default, tuple):
        return f"Write [{value!r}]."
    if isinstance(value, str) and value.replace(".", "", 1).isdecimal():
        return f"Write {value} without quotes."
    return f"Leave it out to use the default, {default!r}."
