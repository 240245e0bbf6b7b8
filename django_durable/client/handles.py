"""Handles and readers that begin with a connection that works."""

from typing import Any, TypeVar

from django_durable.client import standalone
from django_durable.definitions.handles import WorkflowHandle
from django_durable.definitions.streams import AsyncReadStream
from django_durable.durations import Seconds

T = TypeVar("T")


class ClientHandle(WorkflowHandle[T]):
    """A handle that was got from a client, however long ago."""

    @classmethod
    def of(cls, found: tuple[str, bool]) -> "ClientHandle[Any]":
        """Return the handle of what an engine's start returned."""
        workflow_id, created = found
        return cls(workflow_id, created=created)

    @classmethod
    def of_handle(cls, handle: WorkflowHandle[Any]) -> "ClientHandle[Any]":
        """Return the handle of what another call returned."""
        return cls(handle.workflow_id, created=handle.created)

    def get_status(self) -> str:
        """See WorkflowHandle.get_status()."""
        standalone.prepare("get_status", "handle.aget_status")
        return super().get_status()

    async def aget_status(self) -> str:
        """See WorkflowHandle.get_status()."""
        await standalone.aprepare()
        return await super().aget_status()

    def get_result(self, timeout: Seconds | None = None) -> T:
        """See WorkflowHandle.get_result()."""
        standalone.prepare("get_result", "handle.aget_result")
        return super().get_result(timeout)

    async def aget_result(self, timeout: Seconds | None = None) -> T:
        """See WorkflowHandle.get_result()."""
        await standalone.aprepare()
        return await super().aget_result(timeout)


class ClientStream(AsyncReadStream):
    """A reader whose first look, not its making, may use the database."""

    _is_prepared = False

    async def __anext__(self) -> Any:
        if not self._is_prepared:
            await standalone.aprepare()
            self._is_prepared = True
        return await super().__anext__()
