"""Workflow definitions: functions that run durably."""

import copy
import inspect
from collections.abc import Callable, Coroutine, Sequence
from functools import cached_property
from typing import Any, Generic, ParamSpec, TypeVar

from django_durable import conf, durations, patterns
from django_durable.definitions import registry
from django_durable.definitions.binding import FunctionStandIn
from django_durable.definitions.calls import BoundCall
from django_durable.definitions.context import body_frame, refuse_running_loop
from django_durable.definitions.engine import engine
from django_durable.definitions.handles import WorkflowHandle, handle_for
from django_durable.definitions.options import StartOptions
from django_durable.definitions.versions import source_hash
from django_durable.durations import Seconds
from django_durable.names import check_queue_name

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")


class WorkflowDefinition(FunctionStandIn, Generic[P, R, T]):
    """A function whose executions are stored, recovered and replayed.

    ``R`` is what a call returns, ``T`` the result of the workflow.
    """

    def __init__(
        self,
        function: Callable[P, R],
        *,
        name: str | None = None,
        queue_name: str = "default",
        max_recovery_attempts: int = 10,
        timeout: Seconds | None = None,
        version: str | None = None,
        redact: Sequence[str] = (),
        admin: bool = False,
    ) -> None:
        super().__init__(function, name)
        self.queue_name = check_queue_name(queue_name)
        self.max_recovery_attempts = _check_recoveries(max_recovery_attempts)
        self.timeout = durations.optional_limit(timeout, "timeout")
        self.given_version = _check_version(version)
        self.redact = patterns.check(redact, f"Workflow {self.name}")
        self.admin = _check_admin(admin)
        self.options = StartOptions()
        self._refuse_methods()
        registry.register(self)

    def __set_name__(self, owner: type, name: str) -> None:
        if isinstance(self.func, classmethod):  # Workers call it without a class.
            self.func = self.func.__get__(None, owner)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Run durably here and now, and return the result.

        Outside of workflows this process keeps a lease for it; inside of one
        it is a child. An async definition returns a coroutine.
        """
        self.bind_arguments(args, kwargs)
        options = self.options.with_given_id()
        frame = body_frame()
        if frame is not None:
            return frame.execution.call_child(self, options, args, kwargs)  # type: ignore[no-any-return]
        if self.is_async:
            return engine().acall(self, options, args, kwargs)  # type: ignore[return-value]
        refuse_running_loop(self.name, f"{self.name}.acall")
        return engine().call(self, options, args, kwargs)  # type: ignore[no-any-return]

    def acall(self, *args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, T]:
        """Call from async code; a sync definition runs in a thread."""
        return self._acall(args, kwargs)

    def start(self, *args: P.args, **kwargs: P.kwargs) -> WorkflowHandle[T]:
        """Store a new execution for the workers and return its handle.

        The row is written on the caller's connection: inside ``atomic()`` it is
        part of that transaction. A second start with one id returns a handle
        to the first. Raises TypeError for arguments that do not fit,
        SerializationError, InvalidWorkflowId, WorkflowConflict.
        """
        refuse_running_loop("start", "astart")
        self.bind_arguments(args, kwargs)
        options = self.options.with_given_id()
        frame = body_frame()
        if frame is not None:
            found = frame.execution.start_child(self.name, self, options, args, kwargs)
            return handle_for(found)
        return handle_for(engine().start(self.name, self, options, args, kwargs))

    async def astart(self, *args: P.args, **kwargs: P.kwargs) -> WorkflowHandle[T]:
        """See start()."""
        self.bind_arguments(args, kwargs)
        options = self.options.with_given_id()
        frame = body_frame()
        if frame is not None:
            return handle_for(
                await frame.execution.start_child(
                    self.name, self, options, args, kwargs
                )
            )
        return handle_for(await engine().astart(self.name, self, options, args, kwargs))

    def using(self, **options: Any) -> "WorkflowDefinition[P, R, T]":
        """Return a copy with other options for its starts and calls.

        ``workflow_id`` (an idempotency key), ``queue_name``, ``priority``
        (-100…100, larger first), ``run_after`` (datetime or timedelta),
        ``attributes`` (dict), ``subject`` (a saved model object), ``timeout``
        (seconds or timedelta; None for none, whatever the definition says).
        """
        twin = copy.copy(self)
        twin.options = self.options.with_options(options)
        return twin

    def bind(self, *args: P.args, **kwargs: P.kwargs) -> BoundCall[T]:
        """Keep a call for ``gather``; the arguments are checked now."""
        self.bind_arguments(args, kwargs)
        return BoundCall(self, args, kwargs)  # type: ignore[arg-type]

    def bind_arguments(self, args: Any, kwargs: Any) -> None:
        """Raise TypeError when the function does not take these arguments."""
        try:
            self._signature.bind(*args, **kwargs)
        except TypeError as error:
            raise TypeError(f"{self.name}{self._signature}: {error}") from None

    @property
    def version(self) -> str:
        """The version of this code: given, the application's, or its hash."""
        return self.given_version or conf.current().app_version or self._hash

    @property
    def signature(self) -> inspect.Signature:
        """What the function takes."""
        return self._signature

    @property
    def source_place(self) -> tuple[str, int]:
        """File and line of the function."""
        code = getattr(self.inner, "__code__", None)
        return (code.co_filename, code.co_firstlineno) if code else (repr(self), 0)

    @cached_property
    def _hash(self) -> str:
        return source_hash(self.inner, self.name)

    @cached_property
    def _signature(self) -> inspect.Signature:
        return inspect.signature(self.func)

    async def _acall(self, args: Any, kwargs: Any) -> T:
        frame = body_frame()
        if frame is None and not self.is_async:
            self.bind_arguments(args, kwargs)
            options = self.options.with_given_id()
            return await engine().acall(self, options, args, kwargs)  # type: ignore[no-any-return]
        return await self(*args, **kwargs)  # type: ignore[misc,no-any-return]

    def _refuse_methods(self) -> None:
        names = list(inspect.signature(self.inner).parameters)
        is_class_method = isinstance(self.func, classmethod)
        if names and names[0] in ("self", "cls") and not is_class_method:
            raise TypeError(
                f"Workflow {self.name} takes {names[0]!r}: a worker could not call it."
                " Use a function or a static method, or put @workflow above"
                " @classmethod."
            )


def _check_recoveries(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"max_recovery_attempts must be an int, not {value!r}.")
    if not 1 <= value <= 1_000_000:
        raise ValueError(f"max_recovery_attempts must be 1 or more, not {value}.")
    return value


def _check_version(value: object) -> str | None:
    if value is not None and not (isinstance(value, str) and value.strip()):
        raise TypeError(f"version must be a non-empty string, not {value!r}.")
    if value == "*":
        raise ValueError("version must not be '*': that means any version.")
    return value


def _check_admin(value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"admin must be True or False, not {value!r}.")
    return value
