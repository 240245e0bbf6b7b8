"""The page about determinism, and what the check says of others."""

import pytest

from django_durable import lint
from django_durable.definitions import registry
from tests.docs.pages import blocks, pages_with

PAGE = "explanation/determinism.md"
HOW_TOS = [name for name in pages_with("python") if name.startswith("how-to/")]


def found_in(module):
    """Return what is found in the workflows of a page."""
    known = registry.all_definitions()
    return lint.findings(
        each for each in known if each.func.__module__ == module.__name__
    )


def test_the_example_is_found_as_the_page_says(page):
    (shown,) = blocks(PAGE, "text")

    (finding,) = found_in(page)

    place, _, reason = finding.message.partition(": ")
    assert place.endswith(".py:8")
    assert f"shop/workflows.py:8: {reason}" in shown.code
    assert f"HINT: {finding.hint}" in shown.code


@pytest.mark.parametrize("name", HOW_TOS)
def test_no_how_to_breaks_the_rules(import_page, name):
    assert found_in(import_page(name)) == []
