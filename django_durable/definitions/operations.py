"""What the code of a workflow may call."""

import logging
import random as random_module
import uuid
from collections.abc import Awaitable, Callable, MutableMapping
from datetime import datetime, timedelta
from typing import Any, TypeVar, cast

from django_durable import clock, durations, names
from django_durable.definitions import registry
from django_durable.definitions.calls import BoundCall
from django_durable.definitions.context import (
    body_frame,
    current_frame,
    refuse_running_loop,
    required_body,
)
from django_durable.definitions.decorators import make_step
from django_durable.definitions.engine import engine
from django_durable.definitions.handles import WorkflowHandle, handle_for
from django_durable.definitions.options import StartOptions
from django_durable.definitions.workflow import WorkflowDefinition
from django_durable.durations import Seconds

T = TypeVar("T")


def sleep(duration: Seconds) -> None:
    """Sleep durably: a crash or deploy neither shortens nor repeats it.

    ``duration`` in seconds or as a timedelta, at most ten years. Raises
    ValueError, TypeError, and NotInWorkflow outside of a workflow's body.
    """
    refuse_running_loop("sleep", "asleep")
    required_body("sleep").execution.sleep_until(_after(duration))


async def asleep(duration: Seconds) -> None:
    """See sleep()."""
    await required_body("asleep").execution.sleep_until(_after(duration))


def sleep_until(when: datetime) -> None:
    """Sleep durably until an aware datetime; one in the past ends at once."""
    refuse_running_loop("sleep_until", "asleep_until")
    required_body("sleep_until").execution.sleep_until(_at(when))


async def asleep_until(when: datetime) -> None:
    """See sleep_until()."""
    await required_body("asleep_until").execution.sleep_until(_at(when))


def now() -> datetime:
    """Return the time: recorded in a workflow's body, so replay sees the same."""
    return _value("now", clock.now)


async def anow() -> datetime:
    """See now()."""
    return await _avalue("now", clock.now)


def uuid4() -> uuid.UUID:
    """Return a random UUID, recorded in a workflow's body."""
    return _value("uuid4", uuid.uuid4)


async def auuid4() -> uuid.UUID:
    """See uuid4()."""
    return await _avalue("uuid4", uuid.uuid4)


def random() -> float:
    """Return a random float in [0, 1), recorded in a workflow's body."""
    return _value("random", random_module.random)


async def arandom() -> float:
    """See random()."""
    return await _avalue("random", random_module.random)


def patch(name: str) -> bool:
    """Tell whether the workflow takes a change of its code.

    True for one that comes here for the first time, which is recorded as a step;
    False at the replay of one that had gone past this place before the change.
    The first answer for a name holds for the rest of the branch. Raises
    NotInWorkflow outside of a workflow's body.
    """
    refuse_running_loop("patch", "apatch")
    names.check_name(name, "patch()")
    return required_body("patch").execution.patch(name)  # type: ignore[no-any-return]


async def apatch(name: str) -> bool:
    """See patch()."""
    names.check_name(name, "apatch()")
    return await required_body("apatch").execution.patch(name)  # type: ignore[no-any-return]


def deprecate_patch(name: str) -> None:
    """Stand where patch() stood, once every workflow takes the change.

    It passes what patch() has recorded, and records nothing itself.
    """
    refuse_running_loop("deprecate_patch", "adeprecate_patch")
    names.check_name(name, "deprecate_patch()")
    required_body("deprecate_patch").execution.deprecate_patch(name)


async def adeprecate_patch(name: str) -> None:
    """See deprecate_patch()."""
    names.check_name(name, "adeprecate_patch()")
    required_body("adeprecate_patch").execution.deprecate_patch(name)


def gather(*calls: BoundCall[Any]) -> list[Any]:
    """Run bound steps and children side by side; return results in order.

    In threads in a worker, one after the other in a direct call. All run to
    their end; then the first error, in the order of the arguments, is raised.
    Async workflows use ``asyncio.gather``.
    """
    refuse_running_loop("gather", "asyncio.gather")
    for call in calls:
        if not isinstance(call, BoundCall):
            raise TypeError(
                f"gather() takes calls made with .bind(…), not {call!r}:"
                " gather(charge.bind(1), charge.bind(2))."
            )
    frame = body_frame()
    if frame is None:
        return [call() for call in calls]
    return frame.execution.gather(calls)  # type: ignore[no-any-return]


def run_step(
    function: Callable[..., T], *args: Any, step_name: str | None = None, **options: Any
) -> T:
    """Record the outcome of any callable as a step.

    ``step_name`` defaults to its ``module.qualname``; options as for ``@step``.
    Arguments are positional: use a lambda or a partial for more.
    """
    definition = make_step(function, "run_step", {"name": step_name, **options})
    return definition(*args)  # type: ignore[no-any-return]


async def arun_step(
    function: Callable[..., Any],
    *args: Any,
    step_name: str | None = None,
    **options: Any,
) -> Any:
    """See run_step()."""
    definition = make_step(function, "arun_step", {"name": step_name, **options})
    return await definition.acall(*args)


def start_workflow(
    definition: "WorkflowDefinition[..., Any, T] | str", /, *args: Any, **kwargs: Any
) -> WorkflowHandle[T]:
    """Start a workflow, given its definition or its registered name.

    A name serves a process that does not have the code; the workflow then gets
    ``DURABLE["APP_VERSION"]`` as its version, else the one version that the
    live workers have. Errors as for ``start()``, and ImproperlyConfigured
    where there is no such version.
    """
    known = _definition(definition)
    if known is not None:
        return known.start(*args, **kwargs)
    refuse_running_loop("start_workflow", "astart_workflow")
    options = StartOptions().with_given_id()
    frame = body_frame()
    start = engine().start if frame is None else frame.execution.start_child
    return handle_for(start(str(definition), None, options, args, kwargs))


async def astart_workflow(
    definition: "WorkflowDefinition[..., Any, T] | str", /, *args: Any, **kwargs: Any
) -> WorkflowHandle[T]:
    """See start_workflow()."""
    known = _definition(definition)
    if known is not None:
        return await known.astart(*args, **kwargs)
    options = StartOptions().with_given_id()
    frame = body_frame()
    start: Callable[..., Awaitable[tuple[str, bool]]]
    start = engine().astart if frame is None else frame.execution.start_child
    return handle_for(await start(str(definition), None, options, args, kwargs))


def _definition(
    definition: "WorkflowDefinition[..., Any, T] | str",
) -> "WorkflowDefinition[..., Any, T] | None":
    if isinstance(definition, str):
        return cast("WorkflowDefinition[..., Any, T] | None", registry.find(definition))
    if not isinstance(definition, WorkflowDefinition):
        raise TypeError(
            f"start_workflow() takes a function decorated with @workflow, or its"
            f" name, not {definition!r}."
        )
    return definition


def _after(duration: Seconds) -> Callable[[], datetime]:
    length = timedelta(seconds=durations.seconds(duration, "sleep()"))
    return lambda: clock.now() + length


def _at(when: datetime) -> Callable[[], datetime]:
    moment = durations.moment(when, "sleep_until()")
    return lambda: moment


def _value(name: str, make: Callable[[], T]) -> T:
    frame = body_frame()
    if frame is None:
        return make()
    refuse_running_loop(name, f"a{name}")
    return frame.execution.record_value(name, make)  # type: ignore[no-any-return]


async def _avalue(name: str, make: Callable[[], T]) -> T:
    frame = body_frame()
    if frame is None:
        return make()
    return await frame.execution.record_value(name, make)  # type: ignore[no-any-return]


class _WorkflowLogger(logging.LoggerAdapter[logging.Logger]):
    """Adds workflow_id, step_id and step_attempt; its filter adds the rest."""

    def process(
        self, msg: Any, kwargs: MutableMapping[str, Any]
    ) -> tuple[Any, MutableMapping[str, Any]]:
        frame = current_frame()
        if frame is not None:
            here = frame.context()
            ids = {
                "workflow_id": here.workflow_id,
                "step_id": here.step_id,
                "step_attempt": here.step_attempt,
            }
            kwargs["extra"] = {**ids, **(kwargs.get("extra") or {})}
        return msg, kwargs


logger = _WorkflowLogger(logging.getLogger("django_durable.workflow"), {})
