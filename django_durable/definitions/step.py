"""Step definitions: functions whose outcome is recorded."""

import asyncio
import inspect
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Generic, ParamSpec, TypeVar

from django_durable import durations, patterns
from django_durable.definitions import registry
from django_durable.definitions.binding import FunctionStandIn
from django_durable.definitions.calls import BoundCall
from django_durable.definitions.context import body_frame, has_running_loop
from django_durable.definitions.retries import RetryPolicy
from django_durable.durations import Seconds

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")


class StepDefinition(FunctionStandIn, Generic[P, R, T]):
    """A function whose outcome is recorded when a workflow calls it.

    Elsewhere, outside of workflows and inside of other steps, calling it is a
    plain call. ``R`` is what a call returns, ``T`` the recorded result.
    """

    def __init__(
        self,
        function: Callable[P, R],
        *,
        name: str | None = None,
        retries: RetryPolicy | None = None,
        timeout: Seconds | None = None,
        atomic: bool = False,
        redact: Sequence[str] = (),
    ) -> None:
        super().__init__(function, name)
        self.retries = retries if retries is not None else RetryPolicy()
        self.timeout = durations.optional_limit(timeout, "timeout")
        self.atomic = atomic
        self.redact = patterns.check(redact, f"Step {self.name}")
        if self.redact:
            registry.note_redaction(self.name, self.redact)
        self._check()

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Call as a step of the running workflow, or plainly elsewhere."""
        frame = body_frame()
        if frame is None:
            return self.func(*args, **kwargs)  # type: ignore[no-any-return]
        return frame.execution.call_step(self, args, kwargs)  # type: ignore[no-any-return]

    def acall(self, *args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, T]:
        """Call a sync step from async code: it runs in a thread."""
        return self._acall(args, kwargs)

    def bind(self, *args: P.args, **kwargs: P.kwargs) -> BoundCall[T]:
        """Keep a call for ``gather``; the arguments are checked now."""
        inspect.signature(self.func).bind(*args, **kwargs)
        return BoundCall(self, args, kwargs)  # type: ignore[arg-type]

    async def _acall(self, args: Any, kwargs: Any) -> T:
        assert has_running_loop()
        if body_frame() is None and not self.is_async:
            return await asyncio.to_thread(self.func, *args, **kwargs)
        return await self(*args, **kwargs)  # type: ignore[misc,no-any-return]

    def _check(self) -> None:
        if self.is_async and self.atomic:
            raise TypeError(
                f"@transaction cannot wrap the async function {self.name}: Django has"
                " no async atomic(). Make it a def; call it from async workflows"
                " with `await f.acall(…)` or `await asyncio.to_thread(f, …)`."
            )
        if self.timeout is not None and not self.is_async:
            raise TypeError(
                f"timeout= needs an async function, and {self.name} is a def: a thread"
                " cannot be stopped. Give the call inside it a time-out instead."
            )
