"""The tags of {% load durable %}."""

import re
from html import unescape
from types import SimpleNamespace

import pytest
from django.contrib.contenttypes.models import ContentType
from django.template import engines
from django.test import override_settings

import django_durable as durable
from django_durable.models import Workflow
from django_durable.streaming.tokens import read_token


@durable.workflow
def say(*values):
    for value in values:
        durable.write_stream("words", value)


@durable.step(max_attempts=2)
def hesitate():
    first = durable.current().step_attempt == 1
    durable.write_stream("words", "half " if first else "whole")
    if first:
        raise ValueError("What was I saying?")


@durable.workflow
def tries_twice():
    durable.write_stream("words", "begin ")
    hesitate()


# An URLconf without the addresses of streams.
urlpatterns = []


@pytest.fixture
def spoken(durable):
    def run(*values):
        handle = say.using(workflow_id="talk-1").start(*values)
        durable.run_until_idle()
        return handle

    return run


def render(source, **context):
    template = engines["django"].from_string("{% load durable %}" + source)
    return template.render(context)


def attributes(html):
    tag = re.search(r"<durable-stream([^>]*)>", html).group(1)
    return {n: unescape(v) for n, v in re.findall(r' ([\w-]+)="([^"]*)"', tag)}


@pytest.mark.parametrize("kind", ["id", "handle", "model"])
def test_the_element_has_a_token_for_its_stream_alone(spoken, kind):
    handle = spoken("a")
    row = Workflow.objects.get(pk=handle.workflow_id)
    workflow = {"id": "talk-1", "handle": handle, "model": row}[kind]

    found = attributes(render("{% durable_stream w 'words' %}", w=workflow))

    token = read_token(found.pop("token"))
    assert found.pop("src") == "/durable/streams/"
    assert (token.workflow_id, token.key) == ("talk-1", "words")
    assert found == {"workflow": "talk-1", "key": "words", "mode": "text"}


def test_further_arguments_become_attributes(spoken):
    spoken()
    source = (
        "{% durable_stream 'talk-1' 'words' mode='lines' dedupe=True max_entries=9"
        " autoscroll=False id='x' %}"
    )

    found = attributes(render(source))

    del found["token"], found["src"]
    assert found == {
        "workflow": "talk-1",
        "key": "words",
        "mode": "lines",
        "dedupe": "",
        "max-entries": "9",
        "id": "x",
    }


def test_without_a_key_the_element_is_for_the_news(spoken):
    spoken()

    found = attributes(render("{% durable_stream 'talk-1' %}"))

    assert read_token(found["token"]).key == ""
    assert found["mode"] == "none"
    assert "key" not in found


def test_without_javascript_the_latest_values_are_there(spoken):
    spoken("one ", "<b>two</b>")

    html = render("{% durable_stream 'talk-1' 'words' %}")

    assert "one &lt;b&gt;two&lt;/b&gt;" in html
    assert "<noscript>" in html


def test_what_is_shown_is_text_even_where_a_template_escapes_nothing(spoken):
    spoken("<b>two</b>")
    source = "{% durable_stream 'talk-1' 'words' title='\"><script>' %}"

    html = render(f"{{% autoescape off %}}{source}{{% endautoescape %}}")

    assert "&lt;b&gt;two" in html
    assert "<script>" not in html


def test_an_object_of_another_kind_is_refused(spoken):
    with pytest.raises(TypeError, match="a workflow or its id"):
        render("{% durable_stream w 'words' %}", w=ContentType())


def test_a_page_may_ask_for_a_stream_before_its_workflow(db):
    html = render("{% durable_stream 'nobody' 'words' %}")

    assert attributes(html)["workflow"] == "nobody"


@override_settings(ROOT_URLCONF="tests.templatetags.test_durable")
def test_without_the_urls_the_address_is_left_to_the_element(spoken):
    spoken()

    assert "src" not in attributes(render("{% durable_stream 'talk-1' 'words' %}"))


def test_what_a_failed_attempt_has_written_is_left_out_on_request(durable):
    handle = tries_twice.using(workflow_id="talk-1").start()
    durable.run_for(minutes=1)
    assert handle.get_result() is None

    everything = render("{% durable_stream 'talk-1' 'words' %}")
    last = render("{% durable_stream 'talk-1' 'words' dedupe=True %}")

    assert "begin half whole" in everything
    assert "begin whole" in last


def test_the_files_are_loaded_with_the_nonce_of_the_page():
    request = SimpleNamespace(csp_nonce="abc")

    plain = render("{% durable_stream_media %}")
    strict = render("{% durable_stream_media %}", request=request)

    assert "nonce" not in plain
    assert strict.count(' nonce="abc"') == 2
    assert '<script type="module" src="/static/django_durable/stream.js"' in strict
