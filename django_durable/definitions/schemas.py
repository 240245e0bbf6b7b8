"""The shape of a message: a dataclass, or a pydantic model where installed."""

import dataclasses
import sys
from collections.abc import Mapping
from typing import Any, TypeAlias, Union, get_args, get_origin, get_type_hints

Schema: TypeAlias = type[Any]


def check_schema(schema: object) -> Schema | None:
    """Return a schema, None for None, or raise TypeError."""
    if schema is None:
        return None
    if isinstance(schema, type) and (
        dataclasses.is_dataclass(schema) or _is_pydantic(schema)
    ):
        return schema
    raise TypeError(f"schema must be a dataclass or a pydantic model, not {schema!r}.")


def path_of(schema: Schema | None) -> str:
    """Return where a schema is to be found, ``""`` for none; see ``at_path()``."""
    return "" if schema is None else f"{schema.__module__}:{schema.__qualname__}"


def at_path(path: str) -> Schema | None:
    """Return the schema of a path, None where this process has not loaded it.

    Nothing is imported for a path: it was read from the database.
    """
    module, _, name = path.partition(":")
    found: Any = sys.modules.get(module)
    for part in name.split("."):
        found = getattr(found, part, None)
    try:
        return check_schema(found)
    except TypeError:
        return None


def shape(value: Any, schema: Schema, where: str) -> Any:
    """Return ``value`` as an instance of ``schema``, or raise ValueError.

    ``where`` names the message in the error.
    """
    if isinstance(value, schema):
        return value
    if _is_pydantic(schema):
        return schema.model_validate(value)  # Its ValidationError is a ValueError.
    return _dataclass(value, schema, where)


def _dataclass(value: Any, schema: Schema, where: str) -> Any:
    if not isinstance(value, Mapping):
        raise ValueError(
            f"{where} is no {schema.__name__}: a dict is expected, not {value!r}."
        )
    fields = {field.name: field for field in dataclasses.fields(schema) if field.init}
    hints = get_type_hints(schema)
    unknown = sorted(str(name) for name in value if name not in fields)
    missing = [n for n, field in fields.items() if n not in value and _needed(field)]
    if unknown or missing:
        raise ValueError(
            f"{where} is no {schema.__name__}:"
            + (f" unknown: {', '.join(unknown)}." if unknown else "")
            + (f" missing: {', '.join(missing)}." if missing else "")
        )
    given = {
        name: _fitting(part, hints.get(name, Any), f"{where}, {name}")
        for name, part in value.items()
    }
    return schema(**given)


def _needed(field: "dataclasses.Field[Any]") -> bool:
    missing = dataclasses.MISSING
    return field.default is missing and field.default_factory is missing


def _fitting(value: Any, hint: Any, where: str) -> Any:
    """Return a value that fits a plain type, shaping nested dataclasses."""
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        return shape(value, hint, where)
    expected = _plain_types(hint)
    is_bool = isinstance(value, bool) and bool not in expected
    if expected and (is_bool or not isinstance(value, expected)):
        names = " or ".join(kind.__name__ for kind in expected)
        raise ValueError(f"{where}: {names} is expected, not {value!r}.")
    return value


def _plain_types(hint: Any) -> tuple[type, ...]:
    """Return the classes that a hint allows; none when it says too much."""
    if hint is None:
        return (type(None),)
    if isinstance(hint, type) and get_origin(hint) is None:
        return () if hint is object else (int, float) if hint is float else (hint,)
    origin = get_origin(hint)
    if isinstance(origin, type) and not _is_union(origin):
        return (origin,)
    if _is_union(origin):
        parts = [_plain_types(part) for part in get_args(hint)]
        return tuple(kind for part in parts for kind in part) if all(parts) else ()
    return ()


def _is_union(origin: Any) -> bool:
    return origin is Union or getattr(origin, "__name__", "") == "UnionType"


def _is_pydantic(schema: type[Any]) -> bool:
    return hasattr(schema, "model_validate") and hasattr(schema, "model_fields")
