"""The same calls, from a process that is no Django project."""

import copy
from collections.abc import Awaitable, Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self, TypeAlias, TypeVar, cast, overload

from asgiref.sync import sync_to_async

from django_durable.client import database_url as urls, standalone
from django_durable.client.communication import Communication
from django_durable.client.handles import ClientHandle
from django_durable.client.operations import Operations
from django_durable.definitions import registry
from django_durable.definitions.context import (
    body_frame,
    has_running_loop,
    refuse_running_loop,
)
from django_durable.definitions.engine import engine
from django_durable.definitions.handles import WorkflowHandle
from django_durable.definitions.options import StartOptions
from django_durable.definitions.workflow import WorkflowDefinition

T = TypeVar("T")

WorkflowLike: TypeAlias = "WorkflowDefinition[..., Any, Any] | str"


class DurableClient(Communication, Operations):
    """Workflows of a Django project, from a process that has only its database.

    ``database_url`` names the database as django-environ reads it; ``settings``
    is the dict ``DURABLE``, for a process without Django settings. That process
    is set up here, once: all its clients use one database. Raises
    ImproperlyConfigured for a URL or a database that cannot serve.

    Clients may be shared by threads and survive a fork. Used with ``with`` or
    ``async with``, or closed with ``close()``.
    """

    def __init__(
        self, database_url: str, *, settings: Mapping[str, Any] | None = None
    ) -> None:
        database = urls.parse(database_url)
        standalone.set_up(database, settings)
        self._shown = urls.masked(database_url)
        self._options: Mapping[str, Any] = {}
        if not has_running_loop():  # Else the first call checks the database.
            standalone.check()

    def __repr__(self) -> str:
        return f"<DurableClient {self._shown}>"

    def using(self, **options: Any) -> Self:
        """Return a copy with other options for its starts.

        ``workflow_id``, ``queue_name``, ``priority``, ``run_after`` and
        ``attributes``, as for a definition.
        """
        twin = copy.copy(self)
        twin._options = {**self._options, **options}
        StartOptions().with_options(twin._options)
        return twin

    @overload
    def start_workflow(
        self, workflow: WorkflowDefinition[..., Any, T], /, *args: Any, **kwargs: Any
    ) -> WorkflowHandle[T]: ...

    @overload
    def start_workflow(
        self, workflow: str, /, *args: Any, **kwargs: Any
    ) -> WorkflowHandle[Any]: ...

    def start_workflow(
        self, workflow: WorkflowLike, /, *args: Any, **kwargs: Any
    ) -> WorkflowHandle[Any]:
        """Start a workflow by its registered name and return its handle.

        It gets ``APP_VERSION`` of the settings as its version, else the one
        version that the live workers have; ImproperlyConfigured where there is
        none. Inside ``atomic()`` it belongs to that transaction. Other errors as
        for ``start()``.
        """
        standalone.prepare("start_workflow", "client.astart_workflow")
        request = self._request(workflow, args, kwargs)
        frame = body_frame()
        start = engine().start if frame is None else frame.execution.start_child
        return ClientHandle.of(start(*request))

    @overload
    async def astart_workflow(
        self, workflow: WorkflowDefinition[..., Any, T], /, *args: Any, **kwargs: Any
    ) -> WorkflowHandle[T]: ...

    @overload
    async def astart_workflow(
        self, workflow: str, /, *args: Any, **kwargs: Any
    ) -> WorkflowHandle[Any]: ...

    async def astart_workflow(
        self, workflow: WorkflowLike, /, *args: Any, **kwargs: Any
    ) -> WorkflowHandle[Any]:
        """See start_workflow()."""
        await standalone.aprepare()
        request = self._request(workflow, args, kwargs)
        frame = body_frame()
        start: Callable[..., Awaitable[tuple[str, bool]]]
        start = engine().astart if frame is None else frame.execution.start_child
        return ClientHandle.of(await start(*request))

    def close(self) -> None:
        """Give back this process's connections and stop listening for hints.

        The next call opens them again. In a Django project they are left to it.
        """
        refuse_running_loop("close", "client.aclose")
        standalone.close()

    async def aclose(self) -> None:
        """See close()."""
        await sync_to_async(standalone.close)()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    def _request(
        self, workflow: WorkflowLike, args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> tuple[Any, ...]:
        """Return what an engine's start takes."""
        if not isinstance(workflow, str | WorkflowDefinition):
            raise TypeError(
                "start_workflow() takes the registered name of a workflow, such as"
                f" 'shop.workflows.checkout', not {workflow!r}."
            )
        found = registry.find(workflow) if isinstance(workflow, str) else workflow
        definition = cast("WorkflowDefinition[..., Any, Any] | None", found)
        options = definition.options if definition else StartOptions()
        options = options.with_options(self._options).with_given_id()
        if definition is not None:
            definition.bind_arguments(args, kwargs)
        name = definition.name if definition else workflow
        return name, definition, options, args, kwargs
