"""Types to store, and what the tests of the serializer do with values."""

import enum
from collections import namedtuple
from dataclasses import dataclass, field
from decimal import Decimal

import pytest

from django_durable.exceptions import SerializationError
from django_durable.serialization import (
    dumps,
    loads,
    register_type,
)


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"
    CRIMSON = RED


class Level(enum.IntEnum):
    LOW = 1


class Rights(enum.Flag):
    READ = 1
    WRITE = 2


class Text(str):
    pass


class Table(dict):
    pass


Point = namedtuple("Point", "x y")


@dataclass
class Item:
    sku: str
    price: Decimal
    tags: list[str] = field(default_factory=list)
    label: str = field(init=False)

    def __post_init__(self):
        self.label = f"{self.sku}: {self.price}"


class ChildOfRegistered(Item):
    """A dataclass by inheritance only."""


@dataclass(frozen=True, slots=True)
class Order:
    number: int
    items: tuple[Item, ...]


class Model:
    """Looks like a pydantic model."""

    def __init__(self, **values):
        self.values = values

    def __eq__(self, other):
        return type(other) is Model and self.values == other.values

    __hash__ = None

    def model_dump(self, *, by_alias, round_trip):
        return self.values

    @classmethod
    def model_validate(cls, values):
        if "broken" in values:
            raise ZeroDivisionError("broken")
        return cls(**values)


@dataclass
class NeverRegistered:
    number: int


for each in (Colour, Rights, Item, Order, Model):
    register_type(each)


def roundtrip(value):
    return loads(dumps(value, "value"))


def refused(value, where="value"):
    with pytest.raises(SerializationError) as caught:
        dumps(value, where)
    return caught.value


def unreadable(text):
    with pytest.raises(SerializationError) as caught:
        loads(text)
    return caught.value
