"""Choose the format: the settings say which is written and which may be read."""

from functools import lru_cache
from typing import Any, ClassVar, Protocol

from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

from django_durable import conf
from django_durable.exceptions import SerializationError
from django_durable.serialization.json_format import JSONSerializer
from django_durable.serialization.pickle_format import PickleSerializer
from django_durable.serialization.refusals import too_large


class Serializer(Protocol):
    """What the class that SERIALIZER names has to offer; made without arguments."""

    name: ClassVar[str]
    """Short name of the format; each stored text begins with it and a colon."""

    def dumps(self, value: object, where: str) -> str:
        """Return the value as text that both databases can hold."""

    def loads(self, text: str, where: str) -> Any:
        """Return the value of a text that dumps() returned."""


_BUILTIN: dict[str, type[Serializer]] = {
    "json": JSONSerializer,
    "pickle": PickleSerializer,
}


def dumps(value: object, where: str) -> str:
    """Return the value as text, such as ``json:[1,2]``.

    ``where`` is what errors call the value: ``"inputs"`` or ``"result of charge"``.
    Raise SerializationError, with the path to the culprit, for a value that cannot
    be stored or is longer than MAX_VALUE_BYTES; ImproperlyConfigured for settings
    by which it could not be read back.
    """
    settings = conf.current()
    serializer = _writer(settings.serializer, settings.read_serializers)
    text = f"{serializer.name}:{serializer.dumps(value, where)}"
    limit = settings.max_value_bytes
    # No character has more than four bytes, so most texts need no counting.
    if len(text) * 4 > limit and (size := len(text.encode())) > limit:
        raise too_large(where, limit, size)
    return text


def loads(text: str, where: str = "stored value") -> Any:
    """Return the value of a text that dumps() returned, with the same types.

    ``where`` is what errors call the text. Raise SerializationError for a format
    that READ_SERIALIZERS does not list, and for a text that cannot be read.
    """
    name, colon, body = text.partition(":")
    settings = conf.current()
    readers = _readers(settings.read_serializers, settings.serializer)
    if not colon or name not in readers:
        raise _unreadable(name if colon else "", where)
    return readers[name].loads(body, where)


def _unreadable(name: str, where: str) -> SerializationError:
    if not name.isidentifier():
        return SerializationError(where, "the stored text does not name its format")
    return SerializationError(
        where,
        f"it is stored in the format {name!r}, which may not be read",
        f'Add {name!r} to DURABLE["READ_SERIALIZERS"] if you trust what is stored.',
    )


@lru_cache(maxsize=16)
def _writer(path: str, readable: tuple[str, ...]) -> Serializer:
    serializer = _load(path, "SERIALIZER")
    if serializer.name not in _readers(readable, path):
        raise ImproperlyConfigured(
            f'DURABLE["SERIALIZER"] writes the format {serializer.name!r}, which '
            'DURABLE["READ_SERIALIZERS"] does not list, so that nothing could be read '
            "again. Add it there."
        )
    return serializer


@lru_cache(maxsize=16)
def _readers(readable: tuple[str, ...], written: str) -> dict[str, Serializer]:
    found = [_reader(entry, written) for entry in readable]
    return {serializer.name: serializer for serializer in found}


def _reader(entry: str, written: str) -> Serializer:
    if entry in _BUILTIN:
        return _BUILTIN[entry]()
    if "." in entry:
        return _load(entry, "READ_SERIALIZERS")
    serializer = _load(written, "SERIALIZER")
    if serializer.name == entry:
        return serializer
    raise ImproperlyConfigured(
        f'DURABLE["READ_SERIALIZERS"] names the unknown format {entry!r}. '
        "Write the dotted path of its class."
    )


def _load(path: str, key: str) -> Serializer:
    try:
        serializer: Serializer = import_string(path)()
    except ImportError as error:
        raise ImproperlyConfigured(
            f'DURABLE["{key}"] names {path!r}, which cannot be imported ({error}).'
        ) from error
    return serializer
