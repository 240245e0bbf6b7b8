"""OpenTelemetry: a span for each execution, and in it one for each step.

Between a claim and the next wait there is one execution; a workflow that waits for
a month is not one span, but several that are linked to each other.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from opentelemetry import context as contexts, trace
from opentelemetry.trace import Link, Span, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from django_durable import failures
from django_durable.definitions.context import Frame
from django_durable.exceptions import HandOver, Interrupted, Pause, Suspend, Unwind
from django_durable.execution import tracing
from django_durable.execution.tracing import Traced
from django_durable.redaction import (
    HIDDEN,
    patterns_for,
    patterns_for_failure,
    redacted_parts,
)

_WORDS: dict[type[Unwind], str] = {
    Suspend: "suspended",
    HandOver: "handed over",
    Pause: "paused",
    Interrupted: "cancelled",
}
_carrier = TraceContextTextMapPropagator()


def instrument(tracer_provider: trace.TracerProvider | None = None) -> None:
    """Trace workflows in this process, by the global provider or another one."""
    tracer = trace.get_tracer("django_durable", tracer_provider=tracer_provider)
    tracing.install(SpanTracer(tracer))


def uninstrument() -> None:
    """Trace workflows no longer."""
    tracing.install(None)


class SpanTracer:
    """Makes the spans. Implements ``execution.tracing.Tracer``."""

    def __init__(self, tracer: trace.Tracer) -> None:
        self._tracer = tracer

    @contextmanager
    def segment(self, execution: Traced) -> Iterator[None]:
        """Trace an execution."""
        start, _, previous = (execution.claimed.traceparent or "").partition(",")
        span = self._tracer.start_span(
            f"workflow {execution.definition.name}",
            kind=SpanKind.CONSUMER,
            attributes=_attributes(execution),
            links=[link for text in (start, previous) if (link := _link(text))],
        )
        execution.span = span
        if span.is_recording():
            execution.traceparent = f"{start},{_text(span)}"
        try:
            with _current(span):
                yield
        finally:
            _conclude(span, execution)
            span.end()

    @contextmanager
    def step(self, frame: Frame) -> Iterator[None]:
        """Trace one call of a step's function."""
        assert frame.step is not None
        span = self._tracer.start_span(
            f"step {frame.step_name}",
            context=_parent(frame.execution),
            attributes={
                "durable.workflow.id": frame.step.workflow_id,
                "durable.step.name": frame.step_name,
                "durable.step.branch": frame.branch,
                "durable.step.number": frame.step.step_id or 0,
                "durable.step.attempt": frame.step.step_attempt or 1,
            },
        )
        try:
            with _current(span):
                yield
        except Exception as error:
            _fail(span, error, frame)
            raise
        finally:
            span.end()

    def here(self) -> str | None:
        """Return what names the span that is current here, if it is recorded."""
        span = trace.get_current_span()
        return _text(span) if span.is_recording() else None


def _attributes(execution: Traced) -> dict[str, Any]:
    claimed = execution.claimed
    return {
        "durable.workflow.id": claimed.id,
        "durable.workflow.name": claimed.name,
        "durable.workflow.version": claimed.version,
        "durable.workflow.queue": claimed.queue_name,
        "durable.workflow.claim": claimed.claim,
    }


def _conclude(span: Span, execution: Traced) -> None:
    """Say what the execution came to."""
    outcome, ending = execution.outcome, execution.ending
    if outcome is not None:
        span.set_attribute("durable.outcome", outcome.status.lower())
        if outcome.error is not None:
            kind, message = failures.describe(outcome.error)
            patterns = patterns_for_failure(execution.claimed.name)
            _set_error(span, kind, message, patterns)
        return
    word = _WORDS.get(type(ending), "lost") if ending is not None else "lost"
    span.set_attribute("durable.outcome", word)
    if isinstance(ending, Pause):
        span.set_status(Status(StatusCode.ERROR, type(ending.error).__name__))


def _fail(span: Span, error: Exception, frame: Frame) -> None:
    name = frame.execution.facts["workflow_name"]
    patterns = patterns_for(name, frame.step_name)
    kind = f"{type(error).__module__}:{type(error).__qualname__}"
    _set_error(span, kind, str(error), patterns)


def _set_error(span: Span, kind: str, message: str, patterns: tuple[str, ...]) -> None:
    parts = redacted_parts({"type": kind, "message": message}, patterns)
    kind, message = parts["type"], parts["message"]
    event = {"exception.type": kind, "exception.message": message}
    span.add_event("exception", event)
    text = kind if message == HIDDEN else f"{kind}: {message}"
    span.set_status(Status(StatusCode.ERROR, text))


def _current(span: Span) -> Any:
    return trace.use_span(span, record_exception=False, set_status_on_exception=False)


def _parent(execution: Any) -> contexts.Context | None:
    """Return where a step belongs, in a thread that knows of no span as well."""
    if trace.get_current_span().get_span_context().is_valid:
        return None
    return trace.set_span_in_context(execution.span) if execution.span else None


def _text(span: Span) -> str:
    headers: dict[str, str] = {}
    _carrier.inject(headers, trace.set_span_in_context(span))
    return headers["traceparent"]


def _link(text: str) -> Link | None:
    if not text:
        return None
    there = trace.get_current_span(_carrier.extract({"traceparent": text}))
    found = there.get_span_context()
    return Link(found) if found.is_valid else None
