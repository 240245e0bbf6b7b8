"""The seam through which definitions reach execution.

``AppConfig.ready()`` installs the engine; a frame carries its execution.
"""

from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol, TypeAlias

from django_durable.definitions.calls import BoundCall
from django_durable.definitions.options import StartOptions
from django_durable.definitions.registry import Definition

Args = Sequence[Any]
Kwargs = Mapping[str, Any]
# A StepDefinition: it stands above this seam, since it calls through it.
StepLike: TypeAlias = Any


class Running(Protocol):
    """An execution, as the code inside it sees it.

    Where a method returns Any for a call, it is the value in sync code and an
    awaitable of it in code that an event loop runs.
    """

    workflow_id: str
    deadline: datetime | None

    @property
    def facts(self) -> Mapping[str, Any]: ...

    def call_step(self, definition: StepLike, args: Args, kwargs: Kwargs) -> Any: ...

    def call_child(
        self,
        definition: Definition,
        options: StartOptions,
        args: Args,
        kwargs: Kwargs,
    ) -> Any: ...

    def start_child(
        self,
        name: str,
        definition: Definition | None,
        options: StartOptions,
        args: Args,
        kwargs: Kwargs,
    ) -> Any: ...

    def sleep_until(self, moment: Callable[[], datetime]) -> Any: ...

    def record_value(self, name: str, make: Callable[[], Any]) -> Any: ...

    def patch(self, name: str) -> Any: ...

    def deprecate_patch(self, name: str) -> None: ...

    def result_of(self, workflow_id: str, timeout: float | None) -> Any: ...

    def gather(self, calls: Sequence[BoundCall[Any]]) -> Any: ...

    def send(self, messages: Sequence[Any]) -> Any: ...

    def receive(
        self,
        topic: str | None,
        timeout: float | None,
        default: Any,
        schema: Any,
        is_human: bool,
    ) -> Any: ...

    def first_of(self, waits: Sequence[Any]) -> Any: ...

    def set_event(self, key: str, value: Any, overwrite: bool) -> Any: ...

    def set_summary(self, text: str) -> Any: ...

    def get_event(
        self, workflow_id: str, key: str, timeout: float | None, default: Any
    ) -> Any: ...

    def get_events(self, workflow_id: str) -> Any: ...

    def write_stream(self, key: str, value: Any, flush: bool) -> Any: ...

    def close_stream(self, key: str) -> Any: ...

    def read_stream(
        self, workflow_id: str, key: str, offset: int, timeout: float | None
    ) -> Any: ...


class Engine(Protocol):
    """What code outside of workflows asks for."""

    def call(
        self,
        definition: Definition,
        options: StartOptions,
        args: Args,
        kwargs: Kwargs,
    ) -> Any: ...

    def acall(
        self,
        definition: Definition,
        options: StartOptions,
        args: Args,
        kwargs: Kwargs,
    ) -> Coroutine[Any, Any, Any]: ...

    def start(
        self,
        name: str,
        definition: Definition | None,
        options: StartOptions,
        args: Args,
        kwargs: Kwargs,
    ) -> tuple[str, bool]: ...

    def astart(
        self,
        name: str,
        definition: Definition | None,
        options: StartOptions,
        args: Args,
        kwargs: Kwargs,
    ) -> Awaitable[tuple[str, bool]]: ...

    def know_schedule(self, name: str) -> None: ...

    def run_schedule(self, name: str) -> tuple[str, bool]: ...

    def backfill_schedule(
        self, name: str, start: datetime, end: datetime
    ) -> list[tuple[str, bool]]: ...

    def status(self, workflow_id: str) -> str: ...

    def astatus(self, workflow_id: str) -> Awaitable[str]: ...

    def result(self, workflow_id: str, timeout: float | None) -> Any: ...

    def aresult(self, workflow_id: str, timeout: float | None) -> Awaitable[Any]: ...

    def send(self, messages: Sequence[Any]) -> None: ...

    def asend(self, messages: Sequence[Any]) -> Awaitable[None]: ...

    def event(
        self, workflow_id: str, key: str, timeout: float | None, default: Any
    ) -> Any: ...

    def aevent(
        self, workflow_id: str, key: str, timeout: float | None, default: Any
    ) -> Awaitable[Any]: ...

    def events(self, workflow_id: str) -> dict[str, Any]: ...

    def aevents(self, workflow_id: str) -> Awaitable[dict[str, Any]]: ...

    def entries(
        self, workflow_id: str, key: str, offset: int, timeout: float | None
    ) -> Any: ...

    def aentries(
        self, workflow_id: str, key: str, offset: int, timeout: float | None
    ) -> Awaitable[Any]: ...


_engine: Engine | None = None


def install(engine: Engine) -> None:
    """Name the engine that starts and calls workflows from outside."""
    global _engine
    _engine = engine


def engine() -> Engine:
    """Return the installed engine, or say how to install it."""
    if _engine is None:
        raise RuntimeError(
            "django_durable is not set up: add 'django_durable' to INSTALLED_APPS"
            " and call django.setup() before starting workflows."
        )
    return _engine
