"""From a call to a row: what a start checks before it writes anything."""

import json
import logging
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.core.exceptions import ImproperlyConfigured

from django_durable import clock, conf, durations, serialization
from django_durable.definitions.options import AS_DEFINED, StartOptions
from django_durable.definitions.registry import Definition
from django_durable.exceptions import SerializationError, WorkflowConflict
from django_durable.execution import tracing
from django_durable.models import Worker, Workflow
from django_durable.models.claims import Claimed
from django_durable.models.code import ANY_VERSION
from django_durable.models.ids import check_workflow_id, new_workflow_id
from django_durable.models.status import Status
from django_durable.models.workflow import subject_key

logger = logging.getLogger("django_durable")


def build_row(
    name: str,
    definition: Definition | None,
    options: StartOptions,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    *,
    child_id: str | None = None,
    parent_id: str | None = None,
    deadline: datetime | None = None,
) -> Workflow:
    """Return the unsaved row of a start; refuse bad input.

    ``deadline`` is the parent's, which a time-out can only bring forward.
    Raises InvalidWorkflowId, SerializationError, TypeError, ValueError,
    ImproperlyConfigured.
    """
    now = clock.now()
    run_after = _run_after(options.run_after, now)
    subject = ("", "")
    if options.subject is not None:
        subject = subject_key(options.subject)
    return Workflow(
        id=_choose_id(options, child_id),
        name=name,
        version=definition.version if definition else _version_elsewhere(name),
        queue_name=options.queue_name
        or (definition.queue_name if definition else "default"),
        priority=options.priority,
        run_after=run_after,
        deadline=_deadline(definition, options, max(run_after, now), deadline),
        inputs=serialization.dumps([*args, dict(kwargs)], "inputs"),
        max_recovery_attempts=definition.max_recovery_attempts if definition else 10,
        parent_id=parent_id,
        subject_type=subject[0],
        subject_id=subject[1],
        attributes=_check_attributes(options.attributes),
        traceparent=tracing.here(),
        created_at=now,
        changed_at=now,
    )


def load_inputs(text: str) -> tuple[list[Any], dict[str, Any]]:
    """Return positional and keyword arguments of a stored start."""
    *args, kwargs = serialization.loads(text)
    return args, kwargs


def hold(row: Workflow, worker_id: UUID | None) -> Claimed:
    """Make an unsaved row one that its starter executes itself.

    Begun before its time: by that it is known that no claim has taken it, and that
    it holds no place in its queue.
    """
    row.status = Status.PENDING
    row.changed_at = min(row.run_after, row.changed_at) - timedelta.resolution
    row.worker_id = worker_id
    row.claim = 1
    row.started_at = row.created_at
    return Claimed(
        row.pk,
        row.name,
        row.version,
        row.inputs,
        row.claim,
        row.deadline,
        row.parent_id,
        row.queue_name,
        row.traceparent,
    )


def check_existing(row: Workflow, using: str) -> None:
    """Compare a start with the workflow that has its id already.

    Raises WorkflowConflict when that is of another name.
    """
    known = Workflow.objects.using(using).filter(pk=row.pk).first()
    if known is None:
        return
    if known.name != row.name:
        raise WorkflowConflict(row.pk, known.name, row.name)
    if known.inputs != row.inputs:
        logger.warning(
            "Workflow %s exists with other arguments; the first start counts.",
            row.pk,
            extra={"workflow_id": row.pk, "workflow_name": row.name},
        )


def _choose_id(options: StartOptions, child_id: str | None) -> str:
    if options.workflow_id is not None:
        return check_workflow_id(options.workflow_id)
    return child_id or new_workflow_id()


def _run_after(given: datetime | timedelta | None, now: datetime) -> datetime:
    if isinstance(given, timedelta):
        return now + given
    return given if given is not None else now


def _deadline(
    definition: Definition | None,
    options: StartOptions,
    begins_at: datetime,
    inherited: datetime | None,
) -> datetime | None:
    timeout = options.timeout
    if timeout is AS_DEFINED:
        timeout = definition.timeout if definition is not None else None
    if timeout is None:
        return inherited
    own = begins_at + timedelta(seconds=durations.seconds(timeout, "timeout"))
    return own if inherited is None else min(own, inherited)


def _version_elsewhere(name: str) -> str:
    """Return the version of a definition that this process does not have."""
    if version := conf.current().app_version:
        return version
    workers = Worker.objects.using(conf.current().database)
    known = {v for n, v in workers.live_definitions() if n == name}
    live = known - {ANY_VERSION}
    if len(live) == 1:
        return live.pop()
    if known == {ANY_VERSION}:
        return ANY_VERSION  # They take any; a worker that pins its own does not.
    raise ImproperlyConfigured(
        f"This process has no workflow named {name!r}, and "
        + (
            "no live worker has it"
            if not live
            else "live workers have several versions"
        )
        + ": check the name, or set DURABLE['APP_VERSION'] here and in the workers."
    )


def _check_attributes(attributes: Mapping[str, Any]) -> dict[str, Any]:
    for key, value in attributes.items():
        if not isinstance(key, str) or not key or "\0" in key:
            raise SerializationError(
                "attributes", f"the key {key!r} is no plain string"
            )
        try:
            text = json.dumps(value, allow_nan=False)
        except (TypeError, ValueError, RecursionError) as error:
            raise SerializationError(f"attributes[{key!r}]", str(error)) from None
        if "\\u0000" in text or "\\ud" in text:
            raise SerializationError(
                f"attributes[{key!r}]", "it holds characters that no database keeps"
            )
    return dict(attributes)
