"""What a client says to workflows, and hears from them."""

from collections.abc import Iterable
from typing import Any

from django_durable import durations
from django_durable.client import standalone
from django_durable.client.handles import ClientStream
from django_durable.definitions import communication, streams
from django_durable.definitions.handles import WorkflowHandle
from django_durable.definitions.messages import MISSING, Message
from django_durable.definitions.streams import AsyncReadStream, ReadStream
from django_durable.durations import Seconds


class Communication:
    """Messages, events and streams, as the functions of the same names."""

    def send(
        self,
        workflow_id: str | WorkflowHandle[Any],
        message: Any,
        topic: str | None = None,
        *,
        idempotency_key: str | None = None,
    ) -> None:
        """Send a message to a workflow; see django_durable.send().

        Exactly once with an ``idempotency_key``.
        """
        standalone.prepare("send", "client.asend")
        communication.send(workflow_id, message, topic, idempotency_key=idempotency_key)

    async def asend(
        self,
        workflow_id: str | WorkflowHandle[Any],
        message: Any,
        topic: str | None = None,
        *,
        idempotency_key: str | None = None,
    ) -> None:
        """See send()."""
        await standalone.aprepare()
        await communication.asend(
            workflow_id, message, topic, idempotency_key=idempotency_key
        )

    def send_many(self, messages: Iterable[Message]) -> None:
        """Send all these messages, or none; see django_durable.send_many()."""
        standalone.prepare("send_many", "client.asend_many")
        communication.send_many(messages)

    async def asend_many(self, messages: Iterable[Message]) -> None:
        """See send_many()."""
        await standalone.aprepare()
        await communication.asend_many(messages)

    def get_event(
        self,
        workflow_id: str | WorkflowHandle[Any],
        key: str,
        *,
        timeout: Seconds | None = 60,
        default: Any = MISSING,
    ) -> Any:
        """Wait for a workflow's event; see django_durable.get_event()."""
        standalone.prepare("get_event", "client.aget_event")
        return communication.get_event(
            workflow_id, key, timeout=timeout, default=default
        )

    async def aget_event(
        self,
        workflow_id: str | WorkflowHandle[Any],
        key: str,
        *,
        timeout: Seconds | None = 60,
        default: Any = MISSING,
    ) -> Any:
        """See get_event()."""
        await standalone.aprepare()
        return await communication.aget_event(
            workflow_id, key, timeout=timeout, default=default
        )

    def get_events(self, workflow_id: str | WorkflowHandle[Any]) -> dict[str, Any]:
        """Return all events of a workflow with their latest values."""
        standalone.prepare("get_events", "client.aget_events")
        return communication.get_events(workflow_id)

    async def aget_events(
        self, workflow_id: str | WorkflowHandle[Any]
    ) -> dict[str, Any]:
        """See get_events()."""
        await standalone.aprepare()
        return await communication.aget_events(workflow_id)

    def read_stream(
        self,
        workflow_id: str | WorkflowHandle[Any],
        key: str,
        *,
        offset: int = 0,
        timeout: Seconds | None = None,
    ) -> ReadStream:
        """Iterate over a stream; see django_durable.read_stream()."""
        standalone.prepare("read_stream", "client.aread_stream")
        return streams.read_stream(workflow_id, key, offset=offset, timeout=timeout)

    def aread_stream(
        self,
        workflow_id: str | WorkflowHandle[Any],
        key: str,
        *,
        offset: int = 0,
        timeout: Seconds | None = None,
    ) -> AsyncReadStream:
        """See read_stream(); for ``async for``."""
        reader = streams.aread_stream(workflow_id, key, offset=offset, timeout=timeout)
        limit = durations.optional_seconds(timeout, "timeout")
        return ClientStream(reader.workflow_id, reader.key, reader.offset, limit)
