"""One name, one definition."""

import importlib.util
import sys
import textwrap

import pytest
from django.core.exceptions import ImproperlyConfigured

import django_durable as durable
from django_durable.definitions import registry


def make():
    @durable.workflow
    def nested():
        return "nested"

    return nested


@pytest.fixture
def module(tmp_path, monkeypatch):
    """A module with a workflow, which a test may write and load again."""

    def load(source, name="reloaded_workflows"):
        path = tmp_path / f"{name}.py"
        path.write_text(textwrap.dedent(source))
        spec = importlib.util.spec_from_file_location(name, path)
        loaded = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, name, loaded)
        spec.loader.exec_module(loaded)
        return loaded

    return load


def test_two_definitions_under_one_name_are_an_error_that_names_both_places():
    @durable.workflow(name="shop.checkout")
    def first():
        return 1

    with pytest.raises(ImproperlyConfigured) as caught:

        @durable.workflow(name="shop.checkout")
        def second():
            return 2

    message = str(caught.value)
    assert "'shop.checkout'" in message
    assert message.count("test_registry.py:") == 2
    assert registry.find("shop.checkout") is first


def test_a_nested_function_may_be_defined_again():
    first, second = make(), make()

    assert first.name == second.name
    assert registry.find(first.name) is second


def test_a_module_may_be_loaded_again(module):
    source = """
        import django_durable as durable

        @durable.workflow
        def again():
            return "again"
    """
    first = module(source)

    second = module(source)

    assert registry.find("reloaded_workflows.again") is second.again
    assert second.again is not first.again


def test_a_definition_that_moved_within_a_reloaded_file_is_told_clearly(module):
    source = """
        import django_durable as durable

        @durable.workflow
        def first():
            return 1
    """
    module(source)

    with pytest.raises(ImproperlyConfigured, match="Two workflows are named"):
        module("\n" + textwrap.dedent(source))


def test_names_with_dots_and_of_other_alphabets_are_kept_as_they_are():
    @durable.workflow(name="bestellung.größe.注文")
    def order():
        return 1

    assert registry.find("bestellung.größe.注文") is order


def test_definitions_are_listed_in_the_order_of_their_names():
    make()

    names = [definition.name for definition in registry.all_definitions()]

    assert names == sorted(names)


def test_a_name_that_nobody_defined_is_not_found():
    assert registry.find("../../etc/passwd") is None
    assert registry.version_of("__import__('os')") is None
