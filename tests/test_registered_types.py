from dataclasses import dataclass, make_dataclass
from decimal import Decimal

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ImproperlyConfigured

from django_durable.serialization import (
    dumps,
    loads,
    register_type,
)
from tests.values import (
    ChildOfRegistered,
    Colour,
    Item,
    Model,
    NeverRegistered,
    Order,
    Point,
    Rights,
    Text,
    refused,
    roundtrip,
    unreadable,
)


@pytest.mark.parametrize(
    "value", [Colour.RED, Colour.CRIMSON, Rights.READ | Rights.WRITE, Model(a=(1,))]
)
def test_a_value_of_a_registered_type_comes_back_as_itself(value):
    found = roundtrip([value])

    assert found == [value]
    assert type(found[0]) is type(value)


def test_a_dataclass_is_rebuilt_from_the_fields_of_its_constructor():
    order = Order(7, (Item("a", Decimal("1.10"), ["new"]), Item("b", Decimal(2))))

    text = dumps(order, "result")

    assert loads(text) == order
    assert "label" not in text


def test_a_field_added_later_takes_its_default():
    old = register_type(make_dataclass("Growing", ["a"]))
    text = dumps(old(1), "result")

    register_type(make_dataclass("Growing", ["a", ("b", int, 2)]))

    assert vars(loads(text)) == {"a": 1, "b": 2}


def test_a_field_added_without_default_is_told():
    old = register_type(make_dataclass("Demanding", ["a"]))
    text = dumps(old(1), "result")

    register_type(make_dataclass("Demanding", ["a", "b"]))

    assert "without the field 'b'" in unreadable(text).problem


def test_a_field_removed_later_is_told():
    old = register_type(make_dataclass("Shrinking", ["a", "b"]))
    text = dumps(old(1, 2), "result")

    register_type(make_dataclass("Shrinking", ["a"]))

    assert "with the field 'b', which the class does not have now" in str(
        unreadable(text)
    )


def test_a_member_removed_from_an_enum_is_told():
    text = dumps(Colour.RED, "result").replace("RED", "GREEN")

    assert unreadable(text).problem == "Colour has no member 'GREEN' now"


def test_an_error_of_the_type_itself_is_told():
    text = dumps(Model(a=1), "result").replace('"a"', '"broken"')

    assert "ZeroDivisionError: broken" in unreadable(text).problem


def test_a_property_that_fails_is_told():
    @register_type
    @dataclass(slots=True)
    class HalfMade:
        number: int

    assert "cannot be taken apart" in refused([HalfMade.__new__(HalfMade)]).problem


def test_a_type_can_be_registered_under_another_name():
    @register_type(name="shop.Parcel")
    @dataclass
    class Parcel:
        weight: int

    text = dumps(Parcel(3), "result")

    assert text == 'json:{"$type":["shop.Parcel",{"weight":3}]}'
    assert loads(text) == Parcel(3)


def test_a_renamed_type_reads_what_its_old_name_stored():
    @register_type
    @dataclass
    class Renamed:
        number: int

    register_type(Renamed, name="OldName")

    assert loads('json:{"$type":["OldName",{"number":1}]}') == Renamed(1)
    assert "Renamed" in dumps(Renamed(1), "result")


def test_two_types_cannot_share_a_name():
    with pytest.raises(ImproperlyConfigured, match=r"tests\.values\.Item"):
        register_type(NeverRegistered, name="Item")


def test_a_reloaded_type_replaces_the_former_one():
    register_type(make_dataclass("Reloaded", ["a"], namespace={"__module__": "shop"}))
    new = make_dataclass("Reloaded", ["a"], namespace={"__module__": "shop"})

    register_type(new)

    assert type(roundtrip(new(1))) is new


@pytest.mark.parametrize("cls", [int, Text, Point, User, ChildOfRegistered, "Item"])
def test_other_classes_cannot_be_registered(cls):
    with pytest.raises(TypeError, match=r"register_type|@dataclass"):
        register_type(cls)
