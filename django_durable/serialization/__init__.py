"""Values in, text out, and back with the same types.

``formats`` chooses the format, ``json_format`` and ``pickle_format`` are the two
that exist. The first is made of ``builtin_types`` (of Python), ``registered_types``
(of the project) and ``refusals`` (of everything else).
"""

from django_durable.serialization.formats import Serializer, dumps, loads
from django_durable.serialization.json_format import (
    JSONSerializer,
    is_immutable_scalar,
)
from django_durable.serialization.pickle_format import PickleSerializer
from django_durable.serialization.registered_types import register_type

__all__ = [
    "JSONSerializer",
    "PickleSerializer",
    "Serializer",
    "dumps",
    "is_immutable_scalar",
    "loads",
    "register_type",
]
