"""Which message a workflow expects, and a form for it.

The schema stands in the code, ``recv("approval", schema=Approval)``, not in a row: it
is looked for in the source of the definition, and its name in the module. Nothing
is executed.
"""

import ast
import dataclasses
import enum
import inspect
import textwrap
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache, partial
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from django import forms

from django_durable.admin.actions.json_field import BoundedJSONField
from django_durable.definitions import registry

_RECEIVING = {"recv", "arecv"}
_MISSING = object()


def schema_for(name: str, topic: str) -> type[Any] | None:
    """Return the schema with which a workflow receives a topic; ``""``: without."""
    definition = registry.find(name)
    if definition is None:
        return None
    function = getattr(definition.func, "__func__", definition.func)
    return _schemas(inspect.unwrap(function)).get(topic)


@lru_cache(maxsize=512)
def _schemas(function: Callable[..., Any]) -> dict[str, type[Any]]:
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
        names = inspect.getclosurevars(function)
    except (OSError, TypeError, SyntaxError, ValueError):
        return {}
    known = {**names.globals, **names.nonlocals}
    return dict(_found(tree, known))


def _found(tree: ast.AST, known: Mapping[str, Any]) -> Iterator[tuple[str, type[Any]]]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or _called(node.func) not in _RECEIVING:
            continue
        given = {word.arg: word.value for word in node.keywords}
        schema = _value(given.get("schema"), known)
        first = node.args[0] if node.args else given.get("topic")
        topic = "" if first is None else _value(first, known)
        if isinstance(schema, type) and (isinstance(topic, str) or topic is None):
            yield topic or "", schema


def _called(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def _value(node: ast.expr | None, known: Mapping[str, Any]) -> Any:
    """Return what a constant or a dotted name stands for."""
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.Name):
        return known.get(node.id, _MISSING)
    if isinstance(node, ast.Attribute):
        return inspect.getattr_static(_value(node.value, known), node.attr, _MISSING)
    return _MISSING


# Forms.


def message_fields(schema: type[Any]) -> dict[str, forms.Field]:
    """Return a form field for each field of a dataclass or pydantic model."""
    return {name: _field(*described) for name, *described in _described(schema)}


def message_of(schema: type[Any], cleaned: Mapping[str, Any]) -> dict[str, Any]:
    """Return the message of a form, without what was left to its default."""
    return {
        name: cleaned[name]
        for name, _hint, is_needed, _initial in _described(schema)
        if is_needed or cleaned[name] not in (None, "")
    }


def _described(schema: type[Any]) -> Iterator[tuple[str, Any, bool, Any]]:
    """Yield name, type, whether it is needed, and the default."""
    if dataclasses.is_dataclass(schema):
        hints = get_type_hints(schema)
        for field in dataclasses.fields(schema):
            if field.init:
                needed = field.default is field.default_factory is dataclasses.MISSING
                default = (
                    None if field.default is dataclasses.MISSING else field.default
                )
                yield field.name, hints.get(field.name, Any), needed, default
        return
    for name, info in schema.model_fields.items():
        needed = info.is_required()
        yield name, info.annotation, needed, None if needed else info.default


_SIMPLE: dict[Any, Callable[..., forms.Field]] = {
    str: partial(forms.CharField, max_length=10_000),
    int: forms.IntegerField,
    float: forms.FloatField,
    Decimal: forms.DecimalField,
    date: forms.DateField,
    datetime: forms.DateTimeField,
}


def _field(hint: Any, is_needed: bool, initial: Any) -> forms.Field:
    hint, is_optional = _without_none(hint)
    options = {"required": is_needed and not is_optional, "initial": initial}
    if hint is bool:
        return forms.BooleanField(required=False, initial=initial)
    if get_origin(hint) is Literal:
        choices = {str(value): value for value in get_args(hint)}
        return _choice(choices, options)
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return _choice({member.name: member for member in hint}, options)
    if hint in _SIMPLE:
        return _SIMPLE[hint](**options)
    return BoundedJSONField(**{**options, "initial": None})


def _choice(values: Mapping[str, Any], options: dict[str, Any]) -> forms.Field:
    texts = [(text, text) for text in values]
    if not options["required"]:
        texts.insert(0, ("", "–"))
    return forms.TypedChoiceField(
        choices=texts, coerce=values.__getitem__, empty_value=None, **options
    )


def _without_none(hint: Any) -> tuple[Any, bool]:
    if get_origin(hint) in (Union, UnionType):
        parts = [part for part in get_args(hint) if part is not NoneType]
        if len(parts) == 1:
            return parts[0], len(get_args(hint)) > 1
    return hint, False
