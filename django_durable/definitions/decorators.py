"""The decorators: ``@workflow``, ``@step``, ``@transaction``."""

from collections.abc import Callable, Coroutine, Sequence
from typing import Any, ParamSpec, Protocol, TypeVar, overload

from django_durable.definitions.retries import RetryPolicy
from django_durable.definitions.step import StepDefinition
from django_durable.definitions.workflow import WorkflowDefinition
from django_durable.durations import Seconds
from django_durable.suggestions import unknown_names

P = ParamSpec("P")
T = TypeVar("T")

WORKFLOW_OPTIONS = (
    "name",
    "queue_name",
    "max_recovery_attempts",
    "timeout",
    "version",
    "redact",
    "admin",
)
RETRY_OPTIONS = (
    "max_attempts",
    "retry_on",
    "interval",
    "backoff",
    "max_interval",
    "jitter",
)
RUN_OPTIONS = ("name", *RETRY_OPTIONS, "timeout", "atomic")
STEP_OPTIONS = (*RUN_OPTIONS, "redact")


class WorkflowDecorator(Protocol):
    """What ``@workflow(…)`` returns."""

    @overload
    def __call__(
        self, function: Callable[P, Coroutine[Any, Any, T]], /
    ) -> WorkflowDefinition[P, Coroutine[Any, Any, T], T]: ...

    @overload
    def __call__(self, function: Callable[P, T], /) -> WorkflowDefinition[P, T, T]: ...


class StepDecorator(Protocol):
    """What ``@step(…)`` returns."""

    @overload
    def __call__(
        self, function: Callable[P, Coroutine[Any, Any, T]], /
    ) -> StepDefinition[P, Coroutine[Any, Any, T], T]: ...

    @overload
    def __call__(self, function: Callable[P, T], /) -> StepDefinition[P, T, T]: ...


@overload
def workflow(
    function: Callable[P, Coroutine[Any, Any, T]], /
) -> WorkflowDefinition[P, Coroutine[Any, Any, T], T]: ...


@overload
def workflow(function: Callable[P, T], /) -> WorkflowDefinition[P, T, T]: ...


@overload
def workflow(
    name: str | None = None,
    /,
    *,
    queue_name: str = ...,
    max_recovery_attempts: int = ...,
    timeout: Seconds | None = ...,
    version: str | None = ...,
    redact: Sequence[str] = ...,
    admin: bool = ...,
) -> WorkflowDecorator: ...


def workflow(function: Any = None, /, **options: Any) -> Any:
    """Make a function a workflow: stored, recovered, replayed.

    ``name`` defaults to ``module.qualname``; ``queue_name`` to "default".
    ``max_recovery_attempts``: how often it may kill the worker that runs it
    alone before it goes to the dead letter. ``timeout`` (seconds or
    timedelta, from its start): then it is cancelled, reason "deadline".
    ``version`` defaults to ``DURABLE["APP_VERSION"]``, else a hash of the
    function's source. ``redact`` lists patterns of values that displays hide,
    such as ``"card.*"``.
    ``admin=True`` lets staff with the permission start it in the admin.
    """
    function, options = _name_first(function, options)
    _check_options("@workflow", options, WORKFLOW_OPTIONS)
    if function is None:
        return lambda function: WorkflowDefinition(function, **options)
    return WorkflowDefinition(function, **options)


@overload
def step(
    function: Callable[P, Coroutine[Any, Any, T]], /
) -> StepDefinition[P, Coroutine[Any, Any, T], T]: ...


@overload
def step(function: Callable[P, T], /) -> StepDefinition[P, T, T]: ...


@overload
def step(name: str | None = None, /, **options: Any) -> StepDecorator: ...


def step(function: Any = None, /, **options: Any) -> Any:
    """Make a function a step: its outcome is recorded, then never repeated.

    ``max_attempts`` tries in all, again after exceptions in ``retry_on``, with
    delays of ``interval × backoff**n`` seconds up to ``max_interval``, and
    ``jitter``. ``timeout`` (seconds or timedelta, per attempt) for async
    steps. ``atomic=True`` is ``@transaction``. ``redact`` lists patterns of
    values in its result that displays hide.
    """
    function, options = _name_first(function, options)
    if function is None:
        return lambda function: make_step(function, "@step", options)
    return make_step(function, "@step", options)


@overload
def transaction(function: Callable[P, T], /) -> StepDefinition[P, T, T]: ...


@overload
def transaction(name: str | None = None, /, **options: Any) -> StepDecorator: ...


def transaction(function: Any = None, /, **options: Any) -> Any:
    """Make a function a step that commits together with its checkpoint.

    It runs inside ``transaction.atomic()`` on the durable database: what it
    writes there happens exactly once. Options as for ``@step``.
    """
    function, options = _name_first(function, options)
    if "atomic" in options:
        raise TypeError("@transaction is always atomic: leave out atomic=.")
    options["atomic"] = True
    if function is None:
        return lambda function: make_step(function, "@transaction", options)
    return make_step(function, "@transaction", options)


def make_step(
    function: Any, caller: str, options: dict[str, Any]
) -> StepDefinition[..., Any, Any]:
    """Build a step definition from the decorator's options."""
    is_decorator = caller.startswith("@")
    _check_options(caller, options, STEP_OPTIONS if is_decorator else RUN_OPTIONS)
    retries = {key: value for key, value in options.items() if key in RETRY_OPTIONS}
    rest = {key: value for key, value in options.items() if key not in RETRY_OPTIONS}
    return StepDefinition(function, retries=RetryPolicy(**retries), **rest)


def _name_first(function: Any, options: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """Take a leading string for the name: ``@workflow("checkout")``."""
    if isinstance(function, str):
        return None, {"name": function, **options}
    return function, options


def _check_options(
    caller: str, options: dict[str, Any], known: tuple[str, ...]
) -> None:
    if unknown := [name for name in options if name not in known]:
        raise TypeError(f"{caller}: {unknown_names('option', unknown, known)}")
