"""Traces of workflows, by OpenTelemetry."""

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import StatusCode

import django_durable as durable
from django_durable.models import Workflow
from django_durable.telemetry import spans
from django_durable.testing import run_until_idle
from tests.running import COLD, in_loop, result_of, worker

pytestmark = pytest.mark.django_db


@durable.step(max_attempts=2, interval=0)
def flaky():
    inner.append(trace.get_current_span())
    if durable.current().step_attempt == 1:
        raise ConnectionError("no line")


@durable.transaction
def committed():
    inner.append(trace.get_current_span())


@durable.step
async def aflaky():
    inner.append(trace.get_current_span())


inner = []


@durable.workflow(queue_name="mail")
def waits():
    flaky()
    durable.recv()
    committed()


@durable.workflow
async def awaits():
    await aflaky()
    await durable.arecv()
    await committed.acall()


@durable.workflow
def fails():
    raise LookupError("4111")


@durable.workflow(redact=("error",))
def fails_silently():
    raise LookupError("4111")


@durable.workflow
def starts():
    waits.using(workflow_id="child").start()


@durable.workflow
def pauses():
    durable.sleep(0)


@pytest.fixture
def exporter():
    return InMemorySpanExporter()


@pytest.fixture
def provider(exporter):
    """Workflows are traced into the exporter."""
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    spans.instrument(provider)
    inner.clear()
    yield provider
    spans.uninstrument()


def found(exporter, name):
    """Return the spans that are called so, in the order of their beginning."""
    mine = [each for each in exporter.get_finished_spans() if each.name == name]
    return sorted(mine, key=lambda each: each.start_time)


def ids(links):
    return [link.context.span_id for link in links]


def run_twice(definition):
    handle = definition.using(workflow_id="w").start()
    run_until_idle()
    durable.send(handle, "go on")
    run_until_idle()
    assert handle.get_status() == "SUCCESS"


@pytest.mark.parametrize(
    ("definition", "steps"),
    [(waits, [flaky, flaky, committed]), (awaits, [aflaky, committed])],
    ids=["sync", "async"],
)
def test_each_execution_is_a_span_and_each_try_of_a_step_one_in_it(
    provider, exporter, definition, steps
):
    run_twice(definition)

    first, second = found(exporter, f"workflow {definition.name}")
    outcomes = [each.attributes["durable.outcome"] for each in (first, second)]
    assert outcomes == ["suspended", "success"]
    assert first.attributes["durable.workflow.id"] == "w"
    assert [each.attributes["durable.workflow.claim"] for each in (first, second)] == [
        1,
        2,
    ]
    tried = [
        each
        for step in dict.fromkeys(steps)
        for each in found(exporter, f"step {step.name}")
    ]
    assert len(tried) == len(steps) == len(inner)
    assert [each.parent.span_id for each in tried] == [
        *[first.context.span_id] * (len(steps) - 1),
        second.context.span_id,
    ]
    assert [each.get_span_context().span_id for each in inner] == [
        each.context.span_id for each in tried
    ]


@pytest.mark.once
def test_a_failed_try_says_why(provider, exporter):
    run_twice(waits)

    failed, passed = found(exporter, f"step {flaky.name}")
    assert failed.attributes["durable.step.attempt"] == 1
    assert passed.attributes["durable.step.attempt"] == 2
    assert failed.status.description == "builtins:ConnectionError: no line"
    assert passed.status.status_code is StatusCode.UNSET


def test_an_execution_is_linked_to_its_start_and_to_the_one_before(provider, exporter):
    with provider.get_tracer("test").start_as_current_span("request") as request:
        handle = waits.using(workflow_id="w").start()
    run_until_idle()
    durable.send(handle, "go on")
    run_until_idle()

    started = request.get_span_context().span_id
    first, second = found(exporter, f"workflow {waits.name}")
    assert ids(first.links) == [started]
    assert ids(second.links) == [started, first.context.span_id]
    assert first.parent is None


@pytest.mark.once
def test_a_workflow_that_another_starts_is_linked_to_it(provider, exporter):
    starts.start()
    run_until_idle()

    (parent,) = found(exporter, f"workflow {starts.name}")
    (child,) = found(exporter, f"workflow {waits.name}")
    assert ids(child.links) == [parent.context.span_id]


@pytest.mark.once
@pytest.mark.parametrize(
    ("definition", "text"),
    [(fails, "builtins:LookupError: 4111"), (fails_silently, "builtins:LookupError")],
    ids=["open", "hidden"],
)
def test_a_failure_is_an_error_of_its_span(provider, exporter, definition, text):
    definition.start()
    run_until_idle()

    (span,) = found(exporter, f"workflow {definition.name}")
    assert span.attributes["durable.outcome"] == "error"
    assert span.status.description == text
    (event,) = span.events
    assert ("4111" in event.attributes["exception.message"]) is (definition is fails)


@pytest.mark.once
def test_a_pause_is_an_error_of_its_span(provider, exporter):
    handle = pauses.start()
    Workflow.objects.filter(pk=handle.workflow_id).update(inputs="nonsense")

    run_until_idle()

    (span,) = found(exporter, f"workflow {pauses.name}")
    assert span.attributes["durable.outcome"] == "paused"
    assert span.status.description == "SerializationError"


@pytest.mark.once
@pytest.mark.parametrize("definition", [fails, awaits], ids=["sync", "async"])
def test_a_direct_call_is_a_part_of_the_callers_span(provider, exporter, definition):
    tracer = provider.get_tracer("test")
    call = fails if definition is fails else lambda: in_loop(awaits)

    with (
        tracer.start_as_current_span("request") as request,
        pytest.raises((LookupError, durable.WaitImpossible)),
    ):
        call()

    (span,) = found(exporter, f"workflow {definition.name}")
    assert span.parent.span_id == request.get_span_context().span_id


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("definition", [waits, awaits], ids=["sync", "async"])
def test_a_worker_traces_as_well(provider, exporter, settings, definition):
    settings.DURABLE = COLD
    with worker():
        handle = definition.start()
        durable.send(handle, "go on")
        result_of(handle)

    segments = found(exporter, f"workflow {definition.name}")
    (last,) = found(exporter, f"step {committed.name}")
    assert last.parent.span_id == segments[-1].context.span_id


@pytest.mark.once
def test_where_nothing_is_recorded_nothing_is_stored(exporter):
    spans.instrument(TracerProvider(sampler=ALWAYS_OFF))
    try:
        run_twice(waits)
    finally:
        spans.uninstrument()

    assert Workflow.objects.get(pk="w").traceparent is None


@pytest.mark.once
def test_without_a_tracer_there_is_no_span(provider, exporter):
    spans.uninstrument()

    with provider.get_tracer("test").start_as_current_span("request"):
        run_twice(waits)

    assert [each.name for each in exporter.get_finished_spans()] == ["request"]
    assert Workflow.objects.get(pk="w").traceparent is None


@pytest.mark.once
def test_nonsense_in_the_place_of_a_trace_links_to_nothing(provider, exporter):
    handle = fails.start()
    Workflow.objects.filter(pk=handle.workflow_id).update(traceparent="non,sense")

    run_until_idle()

    (span,) = found(exporter, f"workflow {fails.name}")
    assert span.links == ()
