"""Values as JSON with tags.

None, bool, int, float, str, list and dict stand for themselves. Everything else is
an object with one key that begins with ``$``: ``{"$tuple": [1, 2]}``. A dict that
looks like that, or has other keys than strings, is written as
``{"$dict": [[key, value], …]}``.
"""

from types import NoneType
from typing import Any, ClassVar

from django_durable import conf
from django_durable.exceptions import SerializationError
from django_durable.serialization.reading import from_json
from django_durable.serialization.refusals import (
    Refused,
    TooDeep,
    TooLarge,
    too_large,
)
from django_durable.serialization.writing import to_json

_IMMUTABLE_SCALARS = frozenset({NoneType, bool, int, float, str})


def is_immutable_scalar(value: object) -> bool:
    """Say whether the value is its own copy: what is read equals what was written.

    True for None, bool, int, float and str themselves, not for their subclasses.
    """
    return type(value) in _IMMUTABLE_SCALARS


class JSONSerializer:
    """Write values as JSON with tags, and read them back with the same types."""

    name: ClassVar[str] = "json"

    def dumps(self, value: object, where: str) -> str:
        """Return the value as text; ``where`` is the root of paths in errors.

        Raise SerializationError for a value, or a part of it, that cannot be
        stored, that contains itself, or that is longer than MAX_VALUE_BYTES.
        """
        limit = conf.current().max_value_bytes
        try:
            return to_json(value, limit)
        except TooLarge:
            raise too_large(where, limit) from None
        except TooDeep as refused:
            raise _without_cycle(refused, where) from None
        except Refused as refused:
            raise _refused(refused, refused.path(where)) from None

    def loads(self, text: str, where: str) -> Any:
        """Return the value; ``where`` names the text in errors.

        Raise SerializationError for a text that is malformed, that names a type
        which is not registered, or that its type refuses.
        """
        try:
            return from_json(text)
        except Refused as refused:
            raise _refused(refused, where) from None
        except RecursionError:
            raise SerializationError(where, "it is nested too deeply") from None
        # Validators and __post_init__ methods of the project run in there, too.
        except Exception as error:
            problem = f"the stored text cannot be read: {_summary(error)}"
            raise SerializationError(where, problem) from error


def _refused(refused: Refused, path: str) -> SerializationError:
    return SerializationError(path, refused.problem, refused.advice)


def _without_cycle(refused: TooDeep, where: str) -> SerializationError:
    """Tell a value that contains itself from one that is only deep."""
    cycle = refused.cycle(where)
    if cycle is None:
        return _refused(refused, where)
    path, first = cycle
    problem = f"it is the same object as {first}, which contains it"
    return SerializationError(path, problem, "Pass a value without cycles.")


def _summary(error: Exception) -> str:
    text = f"{type(error).__name__}: {error}"
    return text if len(text) <= 200 else text[:199] + "…"
