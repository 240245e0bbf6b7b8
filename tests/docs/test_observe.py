"""Pages about logs, signals, metrics, traces, and what displays hide."""

import logging

import pytest
from django.test import TestCase
from django.utils.module_loading import import_string

import django_durable as durable

# Observe workflows.


@pytest.mark.django_db
def test_the_logging_of_the_page_prints_which_workflow_it_is(import_page):
    page = import_page("how-to/observe.md")
    formatter = logging.Formatter(**_formatter(page.LOGGING))
    record = logging.makeLogRecord({"msg": "hello", "levelname": "INFO"})

    import_string(page.LOGGING["filters"]["durable_filter"]["()"])().filter(record)

    assert formatter.format(record).endswith("INFO hello [  ]")
    assert page.add_workflow(None, "info", {"event": "hello"}) == {"event": "hello"}


def _formatter(settings):
    line = settings["formatters"]["line"]
    return {"fmt": line["format"], "style": line["style"]}


@pytest.mark.django_db
def test_an_alarm_is_raised_for_what_needs_a_person(import_page):
    page = import_page("how-to/observe.md")
    committed = TestCase.captureOnCommitCallbacks(execute=True)

    with committed, durable.SetWorkflowID("alarm-1"), pytest.raises(LookupError):
        _fails_for_an_alarm()

    assert page.alarms == [f"{_fails_for_an_alarm.name} alarm-1 needs a person"]


@durable.workflow
def _fails_for_an_alarm():
    raise LookupError


# Hide secrets from displays.


@pytest.mark.django_db
def test_what_a_workflow_calls_secret_is_hidden_from_displays(import_page):
    page = import_page("how-to/hide-secrets.md")
    card = {"number": "4111", "year": 2030}

    with durable.SetWorkflowID("secret-1"):
        result = page.checkout(7, card, password="letmein")

    assert result == "ch-7"
    assert page.what_came_of("secret-1") == {
        "inputs": {
            "order_id": 7,
            "card": {"number": "•••", "year": "•••"},
            "password": "•••",
        },
        "output": "ch-7",
    }
