"""Durable workflows for Django.

Every public name is loaded on first use: importing this package loads no Django
module, needs no settings, and works before the app registry is ready.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from django_durable.client.durable_client import (
        DurableClient as DurableClient,
    )
    from django_durable.client.management import (
        acancel_workflow as acancel_workflow,
        adelete_workflow as adelete_workflow,
        afork_workflow as afork_workflow,
        aprune_workflows as aprune_workflows,
        arestart_workflow as arestart_workflow,
        aresume_workflow as aresume_workflow,
        aretrieve_workflow as aretrieve_workflow,
        cancel_workflow as cancel_workflow,
        delete_workflow as delete_workflow,
        fork_workflow as fork_workflow,
        prune_workflows as prune_workflows,
        restart_workflow as restart_workflow,
        resume_workflow as resume_workflow,
        retrieve_workflow as retrieve_workflow,
    )
    from django_durable.definitions.communication import (
        afirst_of as afirst_of,
        aget_event as aget_event,
        aget_events as aget_events,
        arecv as arecv,
        asend as asend,
        asend_many as asend_many,
        aset_event as aset_event,
        first_of as first_of,
        get_event as get_event,
        get_events as get_events,
        recv as recv,
        send as send,
        send_many as send_many,
        set_event as set_event,
    )
    from django_durable.definitions.context import (
        Context as Context,
        current as current,
        workflow_id as workflow_id,
    )
    from django_durable.definitions.decorators import (
        step as step,
        transaction as transaction,
        workflow as workflow,
    )
    from django_durable.definitions.handles import (
        WorkflowHandle as WorkflowHandle,
    )
    from django_durable.definitions.messages import (
        Message as Message,
        on_event as on_event,
        on_message as on_message,
        on_result as on_result,
        on_timer as on_timer,
    )
    from django_durable.definitions.operations import (
        adeprecate_patch as adeprecate_patch,
        anow as anow,
        apatch as apatch,
        arandom as arandom,
        arun_step as arun_step,
        asleep as asleep,
        asleep_until as asleep_until,
        astart_workflow as astart_workflow,
        auuid4 as auuid4,
        deprecate_patch as deprecate_patch,
        gather as gather,
        logger as logger,
        now as now,
        patch as patch,
        random as random,
        run_step as run_step,
        sleep as sleep,
        sleep_until as sleep_until,
        start_workflow as start_workflow,
        uuid4 as uuid4,
    )
    from django_durable.definitions.options import (
        SetWorkflowID as SetWorkflowID,
    )
    from django_durable.definitions.streams import (
        aclose_stream as aclose_stream,
        aread_stream as aread_stream,
        awrite_stream as awrite_stream,
        close_stream as close_stream,
        read_stream as read_stream,
        write_stream as write_stream,
    )
    from django_durable.definitions.summary import (
        aset_summary as aset_summary,
        set_summary as set_summary,
    )
    from django_durable.exceptions import (
        DurableError as DurableError,
        EventAlreadySet as EventAlreadySet,
        ForkImpossible as ForkImpossible,
        InvalidTransition as InvalidTransition,
        InvalidWorkflowId as InvalidWorkflowId,
        NonDeterministicWorkflow as NonDeterministicWorkflow,
        NotInWorkflow as NotInWorkflow,
        SerializationError as SerializationError,
        StepFailed as StepFailed,
        StreamClosed as StreamClosed,
        WaitImpossible as WaitImpossible,
        WaitTimeout as WaitTimeout,
        WorkflowCancelled as WorkflowCancelled,
        WorkflowConflict as WorkflowConflict,
        WorkflowDeadLettered as WorkflowDeadLettered,
        WorkflowFailed as WorkflowFailed,
        WorkflowNotFound as WorkflowNotFound,
    )
    from django_durable.serialization import (
        register_type as register_type,
    )
    from django_durable.streaming.tokens import (
        stream_token as stream_token,
    )
    from django_durable.worker import (
        Worker as Worker,
    )

__version__ = "0.1.0"

__all__ = [
    "Context",
    "DurableClient",
    "DurableError",
    "EventAlreadySet",
    "ForkImpossible",
    "InvalidTransition",
    "InvalidWorkflowId",
    "Message",
    "NonDeterministicWorkflow",
    "NotInWorkflow",
    "SerializationError",
    "SetWorkflowID",
    "StepFailed",
    "StreamClosed",
    "WaitImpossible",
    "WaitTimeout",
    "Worker",
    "WorkflowCancelled",
    "WorkflowConflict",
    "WorkflowDeadLettered",
    "WorkflowFailed",
    "WorkflowHandle",
    "WorkflowNotFound",
    "acancel_workflow",
    "aclose_stream",
    "adelete_workflow",
    "adeprecate_patch",
    "afirst_of",
    "afork_workflow",
    "aget_event",
    "aget_events",
    "anow",
    "apatch",
    "aprune_workflows",
    "arandom",
    "aread_stream",
    "arecv",
    "arestart_workflow",
    "aresume_workflow",
    "aretrieve_workflow",
    "arun_step",
    "asend",
    "asend_many",
    "aset_event",
    "aset_summary",
    "asleep",
    "asleep_until",
    "astart_workflow",
    "auuid4",
    "awrite_stream",
    "cancel_workflow",
    "close_stream",
    "current",
    "delete_workflow",
    "deprecate_patch",
    "first_of",
    "fork_workflow",
    "gather",
    "get_event",
    "get_events",
    "logger",
    "now",
    "on_event",
    "on_message",
    "on_result",
    "on_timer",
    "patch",
    "prune_workflows",
    "random",
    "read_stream",
    "recv",
    "register_type",
    "restart_workflow",
    "resume_workflow",
    "retrieve_workflow",
    "run_step",
    "send",
    "send_many",
    "set_event",
    "set_summary",
    "sleep",
    "sleep_until",
    "start_workflow",
    "step",
    "stream_token",
    "transaction",
    "uuid4",
    "workflow",
    "workflow_id",
    "write_stream",
]

_PLACES = {
    "client.durable_client": ("DurableClient",),
    "client.management": (
        "acancel_workflow",
        "adelete_workflow",
        "afork_workflow",
        "aprune_workflows",
        "arestart_workflow",
        "aresume_workflow",
        "aretrieve_workflow",
        "cancel_workflow",
        "delete_workflow",
        "fork_workflow",
        "prune_workflows",
        "restart_workflow",
        "resume_workflow",
        "retrieve_workflow",
    ),
    "definitions.communication": (
        "afirst_of",
        "aget_event",
        "aget_events",
        "arecv",
        "asend",
        "asend_many",
        "aset_event",
        "first_of",
        "get_event",
        "get_events",
        "recv",
        "send",
        "send_many",
        "set_event",
    ),
    "definitions.context": ("Context", "current", "workflow_id"),
    "definitions.decorators": ("step", "transaction", "workflow"),
    "definitions.handles": ("WorkflowHandle",),
    "definitions.messages": (
        "Message",
        "on_event",
        "on_message",
        "on_result",
        "on_timer",
    ),
    "definitions.operations": (
        "adeprecate_patch",
        "anow",
        "apatch",
        "arandom",
        "arun_step",
        "asleep",
        "asleep_until",
        "astart_workflow",
        "auuid4",
        "deprecate_patch",
        "gather",
        "logger",
        "now",
        "patch",
        "random",
        "run_step",
        "sleep",
        "sleep_until",
        "start_workflow",
        "uuid4",
    ),
    "definitions.options": ("SetWorkflowID",),
    "definitions.streams": (
        "aclose_stream",
        "aread_stream",
        "awrite_stream",
        "close_stream",
        "read_stream",
        "write_stream",
    ),
    "definitions.summary": ("aset_summary", "set_summary"),
    "exceptions": (
        "DurableError",
        "EventAlreadySet",
        "ForkImpossible",
        "InvalidTransition",
        "InvalidWorkflowId",
        "NonDeterministicWorkflow",
        "NotInWorkflow",
        "SerializationError",
        "StepFailed",
        "StreamClosed",
        "WaitImpossible",
        "WaitTimeout",
        "WorkflowCancelled",
        "WorkflowConflict",
        "WorkflowDeadLettered",
        "WorkflowFailed",
        "WorkflowNotFound",
    ),
    "serialization": ("register_type",),
    "streaming.tokens": ("stream_token",),
    "worker": ("Worker",),
}
_PLACE_OF = {name: place for place, names in _PLACES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _PLACE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_PLACE_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
