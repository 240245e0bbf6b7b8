"""The seam through which executions are traced, when somebody traces them."""

from contextlib import AbstractContextManager, nullcontext
from typing import Any, Protocol

from django_durable.definitions.context import Frame
from django_durable.definitions.registry import Definition
from django_durable.exceptions import Unwind
from django_durable.models.claims import Claimed
from django_durable.models.outcome import Outcome


class Traced(Protocol):
    """An execution, as far as a tracer sees it.

    It keeps its ``span``, and in ``traceparent`` what the next one has to know.
    """

    claimed: Claimed
    definition: Definition
    ending: Unwind | None
    outcome: Outcome | None
    span: Any
    traceparent: str | None


class Tracer(Protocol):
    """Knows how to begin and end spans. Installed by ``telemetry``."""

    def segment(self, execution: Traced) -> AbstractContextManager[None]:
        """Trace an execution, from its claim until it waits or ends."""

    def step(self, frame: Frame) -> AbstractContextManager[None]:
        """Trace one call of a step's function."""

    def here(self) -> str | None:
        """Return what names the span that is current here, None without one."""


_NOTHING = nullcontext()
_tracer: Tracer | None = None


def install(tracer: Tracer | None) -> None:
    """Trace by ``tracer`` from now on; None ends it."""
    global _tracer
    _tracer = tracer


def segment(execution: Traced) -> AbstractContextManager[None]:
    """See Tracer."""
    return _NOTHING if _tracer is None else _tracer.segment(execution)


def step(frame: Frame) -> AbstractContextManager[None]:
    """See Tracer."""
    return _NOTHING if _tracer is None else _tracer.step(frame)


def here() -> str | None:
    """See Tracer."""
    return None if _tracer is None else _tracer.here()
