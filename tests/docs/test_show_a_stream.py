"""The page 'Show a stream in a page'."""

import pytest
from django.template import engines

import django_durable as durable
from django_durable.testing import run_until_idle
from tests.docs.pages import blocks

PAGE = "how-to/show-a-stream-in-a-page.md"

pytestmark = pytest.mark.django_db


@pytest.fixture
def page(import_page):
    return import_page(PAGE)


def test_the_answer_is_streamed(page):
    page.answer.using(workflow_id="answer-7").start("The kettle")
    run_until_idle()

    words = list(durable.read_stream("answer-7", "answer"))
    assert "".join(words) == "The kettle is made of copper and of patience. "


@pytest.mark.parametrize("number", [0, 1, 2, 3])
def test_the_templates_can_be_rendered(page, number):
    page.answer.using(workflow_id="answer-7").start("The kettle")
    block = blocks(PAGE, "html")[number]

    template = engines["django"].from_string("{% load durable %}" + block.code)

    assert "<durable-stream" in template.render({"workflow_id": "answer-7"})
