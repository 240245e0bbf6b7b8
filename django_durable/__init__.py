"""Durable workflows for Django.

Every public name is loaded on first use: importing this package loads no Django
module, needs no settings, and works before the app registry is ready.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from django_durable.client import (
        acancel_workflow as acancel_workflow,
    )
    from django_durable.client import (
        aresume_workflow as aresume_workflow,
    )
    from django_durable.client import (
        aretrieve_workflow as aretrieve_workflow,
    )
    from django_durable.client import (
        cancel_workflow as cancel_workflow,
    )
    from django_durable.client import (
        resume_workflow as resume_workflow,
    )
    from django_durable.client import (
        retrieve_workflow as retrieve_workflow,
    )
    from django_durable.definitions.context import (
        Context as Context,
    )
    from django_durable.definitions.context import (
        current as current,
    )
    from django_durable.definitions.context import (
        workflow_id as workflow_id,
    )
    from django_durable.definitions.decorators import (
        step as step,
    )
    from django_durable.definitions.decorators import (
        transaction as transaction,
    )
    from django_durable.definitions.decorators import (
        workflow as workflow,
    )
    from django_durable.definitions.handles import (
        WorkflowHandle as WorkflowHandle,
    )
    from django_durable.definitions.operations import (
        anow as anow,
    )
    from django_durable.definitions.operations import (
        arandom as arandom,
    )
    from django_durable.definitions.operations import (
        arun_step as arun_step,
    )
    from django_durable.definitions.operations import (
        asleep as asleep,
    )
    from django_durable.definitions.operations import (
        asleep_until as asleep_until,
    )
    from django_durable.definitions.operations import (
        astart_workflow as astart_workflow,
    )
    from django_durable.definitions.operations import (
        auuid4 as auuid4,
    )
    from django_durable.definitions.operations import (
        gather as gather,
    )
    from django_durable.definitions.operations import (
        logger as logger,
    )
    from django_durable.definitions.operations import (
        now as now,
    )
    from django_durable.definitions.operations import (
        random as random,
    )
    from django_durable.definitions.operations import (
        run_step as run_step,
    )
    from django_durable.definitions.operations import (
        sleep as sleep,
    )
    from django_durable.definitions.operations import (
        sleep_until as sleep_until,
    )
    from django_durable.definitions.operations import (
        start_workflow as start_workflow,
    )
    from django_durable.definitions.operations import (
        uuid4 as uuid4,
    )
    from django_durable.definitions.options import (
        SetWorkflowID as SetWorkflowID,
    )
    from django_durable.exceptions import (
        DurableError as DurableError,
    )
    from django_durable.exceptions import (
        EventAlreadySet as EventAlreadySet,
    )
    from django_durable.exceptions import (
        InvalidTransition as InvalidTransition,
    )
    from django_durable.exceptions import (
        InvalidWorkflowId as InvalidWorkflowId,
    )
    from django_durable.exceptions import (
        NonDeterministicWorkflow as NonDeterministicWorkflow,
    )
    from django_durable.exceptions import (
        NotInWorkflow as NotInWorkflow,
    )
    from django_durable.exceptions import (
        SerializationError as SerializationError,
    )
    from django_durable.exceptions import (
        StepFailed as StepFailed,
    )
    from django_durable.exceptions import (
        StreamClosed as StreamClosed,
    )
    from django_durable.exceptions import (
        WaitImpossible as WaitImpossible,
    )
    from django_durable.exceptions import (
        WaitTimeout as WaitTimeout,
    )
    from django_durable.exceptions import (
        WorkflowCancelled as WorkflowCancelled,
    )
    from django_durable.exceptions import (
        WorkflowConflict as WorkflowConflict,
    )
    from django_durable.exceptions import (
        WorkflowDeadLettered as WorkflowDeadLettered,
    )
    from django_durable.exceptions import (
        WorkflowFailed as WorkflowFailed,
    )
    from django_durable.exceptions import (
        WorkflowNotFound as WorkflowNotFound,
    )
    from django_durable.serialization import (
        register_type as register_type,
    )
    from django_durable.worker import (
        Worker as Worker,
    )

__version__ = "0.1.0"

__all__ = [
    "Context",
    "DurableError",
    "EventAlreadySet",
    "InvalidTransition",
    "InvalidWorkflowId",
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
    "anow",
    "arandom",
    "aresume_workflow",
    "aretrieve_workflow",
    "arun_step",
    "asleep",
    "asleep_until",
    "astart_workflow",
    "auuid4",
    "cancel_workflow",
    "current",
    "gather",
    "logger",
    "now",
    "random",
    "register_type",
    "resume_workflow",
    "retrieve_workflow",
    "run_step",
    "sleep",
    "sleep_until",
    "start_workflow",
    "step",
    "transaction",
    "uuid4",
    "workflow",
    "workflow_id",
]

_PLACES = {
    "client": (
        "retrieve_workflow",
        "aretrieve_workflow",
        "cancel_workflow",
        "acancel_workflow",
        "resume_workflow",
        "aresume_workflow",
    ),
    "definitions.context": ("Context", "current", "workflow_id"),
    "definitions.decorators": ("step", "transaction", "workflow"),
    "definitions.handles": ("WorkflowHandle",),
    "definitions.operations": (
        "anow",
        "arandom",
        "arun_step",
        "asleep",
        "asleep_until",
        "astart_workflow",
        "auuid4",
        "gather",
        "logger",
        "now",
        "random",
        "run_step",
        "sleep",
        "sleep_until",
        "start_workflow",
        "uuid4",
    ),
    "definitions.options": ("SetWorkflowID",),
    "exceptions": (
        "DurableError",
        "EventAlreadySet",
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
