"""Log lines say which workflow they are about, and stay on their line."""

import io
import logging

import pytest
from django.test import TestCase

import django_durable as durable
from django_durable import signals
from django_durable.definitions import registry
from django_durable.logs import FIELDS, DurableFilter, fields
from django_durable.models import Workflow
from django_durable.testing import run_until_idle
from tests.running import in_loop

pytestmark = pytest.mark.django_db

FORGED = "\r\nERROR Workflow order-1 failed\x1b[2J\u202e"

logger = logging.getLogger("tests.logs")


@durable.step(max_attempts=2, interval=0)
def logs(text):
    logger.info(text)
    if durable.current().step_attempt == 1:
        raise LookupError


@durable.step
async def alogs(text):
    logger.info(text)


@durable.workflow(queue_name="mail")
def logs_all():
    logger.info("body")
    durable.logger.info("adapter")
    logs("step")


@durable.workflow
async def alogs_all():
    logger.info("body")
    await alogs("step")


@durable.workflow
def fails(text):
    raise ValueError(text)


@durable.workflow(redact=("error",))
def fails_silently(text):
    raise ValueError(text)


@durable.workflow
def waits():
    durable.recv()


@pytest.fixture
def lines():
    """What a handler with the project's filter writes, as a function of the format."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.addFilter(DurableFilter())
    handler.setFormatter(
        logging.Formatter(
            "%(message)s [%(workflow_id)s %(workflow_name)s %(step)s %(attempt)s"
            " %(queue)s]"
        )
    )
    watched = [logger, logging.getLogger("django_durable")]
    levels = [each.level for each in watched]
    for each in watched:
        each.addHandler(handler)
        each.setLevel(logging.DEBUG)
    yield lambda: stream.getvalue().splitlines()
    for each, level in zip(watched, levels, strict=True):
        each.removeHandler(handler)
        each.setLevel(level)


@pytest.mark.once
def test_whatever_a_step_logs_says_where_it_was_logged(lines):
    logs_all.using(workflow_id="w").start()

    run_until_idle()

    name, step = logs_all.name, logs.name
    found = [line for line in lines() if not line.startswith("Workflow")]
    assert found == [
        f"body [w {name}   mail]",
        f"adapter [w {name}   mail]",
        f"step [w {name} {step} 1 mail]",
        f"step [w {name} {step} 2 mail]",
    ]


@pytest.mark.once
def test_async_code_is_known_as_well(lines):
    with durable.SetWorkflowID("w"):
        in_loop(alogs_all)

    found = [line for line in lines() if not line.startswith("Workflow")]
    assert found == [
        f"body [w {alogs_all.name}   default]",
        f"step [w {alogs_all.name} {alogs.name} 1 default]",
    ]


@pytest.mark.once
def test_outside_of_workflows_a_record_has_empty_attributes(lines):
    logger.info("outside")

    assert lines() == ["outside [    ]"]
    assert fields() == {}


def test_every_line_of_the_package_has_the_attributes(caplog):
    caplog.set_level(logging.DEBUG, "django_durable")
    for definition in (logs_all, waits):
        definition.using(workflow_id=definition.name).start()
    fails.using(workflow_id="fails").start("no")

    run_until_idle()
    with TestCase.captureOnCommitCallbacks(execute=True):
        durable.cancel_workflow(waits.name)

    own = [each for each in caplog.records if each.name.startswith("django_durable")]
    assert len(own) > 6
    for record in own:
        assert all(hasattr(record, name) for name in FIELDS), record.message
        assert record.workflow_id, record.message
        assert record.workflow_name, record.message
    started = [each for each in own if "started" in each.message]
    assert {each.queue for each in started} == {"mail", "default"}
    assert all(each.worker_id for each in started)


def failing():
    fails.start(f"no{FORGED}")
    run_until_idle()


def cancelling():
    handle = waits.start()
    run_until_idle()
    with TestCase.captureOnCommitCallbacks(execute=True):
        durable.cancel_workflow(handle.workflow_id, reason=f"no{FORGED}")


def pausing():
    handle = waits.start()
    Workflow.objects.filter(pk=handle.workflow_id).update(inputs=f"x{FORGED}:")
    run_until_idle()


def being_named():
    durable.workflow(f"named{FORGED}")(lambda: None).start()
    run_until_idle()


def warning():
    logging.getLogger("django_durable").warning("%s %r", FORGED, ValueError(FORGED))


def explaining():
    try:
        raise ValueError(FORGED)
    except ValueError:
        logging.getLogger("django_durable").exception("It failed")


@pytest.mark.once
@pytest.mark.parametrize(
    "happening",
    [failing, cancelling, pausing, being_named, warning, explaining],
    ids=lambda each: each.__name__,
)
def test_names_reasons_and_errors_forge_no_line(happening, lines, monkeypatch):
    monkeypatch.setattr(registry, "_definitions", dict(registry._definitions))

    happening()

    text = "\n".join(lines())
    assert "order-1" in text or happening is pausing
    assert not any(line.startswith("ERROR") for line in lines())
    assert not {"\x1b", "\r", "\u202e"} & set(text)


@pytest.mark.once
def test_what_an_exception_says_is_not_logged_when_it_is_secret(lines):
    fails_silently.start("4111 1111")

    run_until_idle()

    assert "•••" in "\n".join(lines())
    assert "4111" not in "\n".join(lines())


@pytest.mark.once
def test_what_a_receiver_starts_is_no_part_of_the_workflow():
    def start_another(name, **facts):
        if name == logs_all.name:
            waits.using(workflow_id="another").start()

    for signal in (signals.workflow_started, signals.step_finished):
        signal.connect(start_another)
    try:
        logs_all.using(workflow_id="w").start()
        run_until_idle()
    finally:
        for signal in (signals.workflow_started, signals.step_finished):
            signal.disconnect(start_another)

    assert Workflow.objects.get(pk="another").parent_id is None
    steps = Workflow.objects.get(pk="w").steps.values_list("name", flat=True)
    assert list(steps) == [logs.name]
