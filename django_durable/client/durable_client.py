"""The same calls, from a process that is no Django project."""

import copy
from collections.abc import Awaitable, Callable, Mapping, Sequence
from importlib import import_module
from types import TracebackType
from typing import Any, Self, TypeAlias, TypeVar, cast, overload

from asgiref.sync import sync_to_async

from django_durable.client import database_url as urls, standalone
from django_durable.client.communication import Communication
from django_durable.client.handles import ClientHandle
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


class DurableClient(Communication):
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

    def retrieve_workflow(self, workflow_id: str) -> WorkflowHandle[Any]:
        """Return a handle of an existing workflow; raises WorkflowNotFound."""
        standalone.prepare("retrieve_workflow", "client.aretrieve_workflow")
        _managed("retrieve_workflow", workflow_id)
        return ClientHandle(str(workflow_id))

    async def aretrieve_workflow(self, workflow_id: str) -> WorkflowHandle[Any]:
        """See retrieve_workflow()."""
        await standalone.aprepare()
        await _managed("aretrieve_workflow", workflow_id)
        return ClientHandle(str(workflow_id))

    def cancel_workflow(self, workflow_id: str, reason: str = "") -> bool:
        """Cancel a workflow and its children; return whether it took."""
        standalone.prepare("cancel_workflow", "client.acancel_workflow")
        return _managed("cancel_workflow", workflow_id, reason)  # type: ignore[no-any-return]

    async def acancel_workflow(self, workflow_id: str, reason: str = "") -> bool:
        """See cancel_workflow()."""
        await standalone.aprepare()
        return await _managed("acancel_workflow", workflow_id, reason)  # type: ignore[no-any-return]

    def resume_workflow(self, workflow_id: str) -> WorkflowHandle[Any]:
        """Let a workflow go on from its last completed step.

        Raises WorkflowNotFound, InvalidTransition.
        """
        standalone.prepare("resume_workflow", "client.aresume_workflow")
        _managed("resume_workflow", workflow_id)
        return ClientHandle(str(workflow_id))

    async def aresume_workflow(self, workflow_id: str) -> WorkflowHandle[Any]:
        """See resume_workflow()."""
        await standalone.aprepare()
        await _managed("aresume_workflow", workflow_id)
        return ClientHandle(str(workflow_id))

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


def _managed(name: str, *args: Any) -> Any:
    """Call a function that is loaded only now: it needs the models.

    Those cannot be imported before a client has set Django up.
    """
    management = import_module("django_durable.client.management")
    return getattr(management, name)(*args)
