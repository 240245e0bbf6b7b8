"""The forms in which @workflow, @step and @transaction may be written."""

import functools

import pytest

import django_durable as durable
from django_durable.definitions import registry
from tests.models import Entry
from tests.running import in_loop

pytestmark = pytest.mark.django_db

DECORATORS = [durable.workflow, durable.step, durable.transaction]

every_decorator = pytest.mark.parametrize(
    "decorator", DECORATORS, ids=lambda each: each.__name__
)


def double(number):
    """Return twice the number."""
    return number * 2


async def adouble(number):
    return number * 2


@every_decorator
def test_a_bare_decorator_wraps_a_function(decorator):
    defined = decorator(double)

    assert defined(21) == 42
    assert defined.__name__ == "double"
    assert defined.__doc__ == "Return twice the number."
    assert defined.name == "tests.definitions.test_decorators.double"


@every_decorator
def test_a_decorator_with_a_leading_name_gives_that_name(decorator):
    defined = decorator("shop.double")(double)

    assert defined(21) == 42
    assert defined.name == "shop.double"


@every_decorator
@pytest.mark.parametrize("options", [{}, {"name": "shop.double"}])
def test_a_decorator_with_arguments_wraps_a_function(decorator, options):
    defined = decorator(**options)(double)

    assert defined(21) == 42
    assert defined.name == options.get("name", f"{__name__}.double")


@pytest.mark.parametrize("decorator", [durable.workflow, durable.step])
@pytest.mark.parametrize("form", [lambda d: d, lambda d: d(), lambda d: d("a.double")])
def test_an_async_function_may_be_wrapped_in_every_form(decorator, form):
    defined = form(decorator)(adouble)

    assert defined.is_async
    assert in_loop(defined, 21) == 42


def test_a_leading_name_and_options_go_together():
    defined = durable.workflow("shop.double", queue_name="slow", version="3")(double)

    assert (defined.name, defined.queue_name, defined.version) == (
        "shop.double",
        "slow",
        "3",
    )


def test_the_name_of_a_nested_function_tells_where_it_is():
    @durable.workflow
    def inner():
        return "inner"

    assert inner.name == (
        f"{__name__}.test_the_name_of_a_nested_function_tells_where_it_is"
        ".<locals>.inner"
    )
    assert inner() == "inner"
    assert registry.find(inner.name) is inner


class Shop:
    """Definitions as a class holds them."""

    discount = 5

    @staticmethod
    @durable.workflow
    def below(number):
        return number + 1

    @durable.workflow
    @staticmethod
    def above(number):
        return number + 2

    @durable.workflow
    @classmethod
    def of_class(cls, number):
        return number - cls.discount

    @durable.step
    def method(self, number):
        return number - self.discount

    @durable.step
    @classmethod
    def class_step(cls, number):
        return number - cls.discount

    @staticmethod
    @durable.step
    def static_step(number):
        return number * 3


@pytest.mark.parametrize(
    ("name", "result"), [("below", 11), ("above", 12), ("of_class", 5)]
)
def test_static_and_class_methods_can_be_workflows(name, result):
    defined = getattr(Shop, name)

    assert defined(10) == result
    assert getattr(Shop(), name).name == defined.name == f"{__name__}.Shop.{name}"
    assert registry.find(defined.name)(10) == result


def test_methods_of_every_kind_can_be_steps():
    shop = Shop()
    shop.discount = 7

    @durable.workflow
    def buy(number):
        return [shop.method(number), Shop.class_step(number), Shop.static_step(number)]

    assert buy(10) == [3, 5, 30]


def test_a_workflow_that_takes_self_is_refused():
    def method(self, number):
        return number

    with pytest.raises(TypeError, match="static method"):
        durable.workflow(method)


def test_a_partial_may_be_a_step_under_the_name_of_its_function():
    defined = durable.step(functools.partial(double, 21))

    assert defined() == 42
    assert defined.name == f"{__name__}.double"


def test_a_transaction_is_an_atomic_step():
    assert durable.transaction(double).atomic
    assert durable.step(atomic=True)(double).atomic
    assert not durable.step(double).atomic


def test_a_transaction_outside_of_workflows_is_a_plain_call():
    @durable.transaction
    def enter(key):
        return Entry.objects.create(key=key).key

    assert enter("a") == "a"
    assert Entry.objects.count() == 1
