"""The kinds of COMMIT that somebody makes for a workflow, and how each is met."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import DatabaseError, InterfaceError, connection

import django_durable as durable
from django_durable import signals
from django_durable.models import Workflow
from tests.chaos.checker import Ended
from tests.chaos.proxy import Proxy, Trap, What
from tests.chaos.troubles import (
    acalling,
    astarting,
    calling,
    starting,
    stumbling,
    waiting,
)
from tests.journeys.workflows import aleaf, anap, leaf, nap
from tests.running import PATIENCE, wait_for_status

STEP = 'INSERT INTO "django_durable_step"'
WAIT = 'INSERT INTO "django_durable_wait"'
ATTEMPT = 'INSERT INTO "django_durable_attempt"'
WORKFLOW = 'INSERT INTO "django_durable_workflow"'
UPDATE = 'UPDATE "django_durable_workflow"'
LOCK = "FOR NO KEY UPDATE"
# Seconds that are not over before a slow machine has begun to wait.
NAP = 0.5
TWO, CANCELLED = Ended(2), Ended(status="CANCELLED")

Fate = Callable[[Any, Trap], None]


def persist(call: Callable[[], Any]) -> Any:
    """Do something from outside, and again when its answer got lost."""
    try:
        return call()
    except (DatabaseError, InterfaceError):
        connection.close()
        return call()


def finish(handle: Any, trap: Trap) -> None:
    """Let it run to its end."""
    handle.get_result(timeout=PATIENCE)


def be_cancelled(handle: Any, trap: Trap) -> None:
    """Cancel it while it sleeps."""
    wait_for_status(handle, "WAITING")
    persist(lambda: durable.cancel_workflow(handle.workflow_id))


def be_resumed(handle: Any, trap: Trap) -> None:
    """Be paused while it is delayed, and go on when somebody says so."""
    Workflow.objects.filter(pk=handle.workflow_id).update(status="PAUSED")
    with suppress(durable.InvalidTransition):  # The first time had been enough.
        persist(lambda: durable.resume_workflow(handle.workflow_id))
    handle.get_result(timeout=PATIENCE)


def be_paused(handle: Any, trap: Trap) -> None:
    """Meet inputs that cannot be read; go on when they are repaired."""
    rows = Workflow.objects.filter(pk=handle.workflow_id)
    row = rows.get()
    rows.update(inputs="unknown:", run_after=row.created_at)
    signals.publish("default", signals.QUEUE)
    wait_for_status(handle, "PAUSED")
    assert trap.sprung.wait(PATIENCE)
    rows.update(inputs=row.inputs)
    durable.resume_workflow(handle.workflow_id)
    handle.get_result(timeout=PATIENCE)


@dataclass(frozen=True)
class Kind:
    """A kind of COMMIT: what comes to it, and the words by which it is known.

    ``repeated``: the step whose call comes to nothing when the COMMIT is lost, or
    always.
    """

    definition: Any
    words: tuple[str, ...]
    end: Ended = TWO
    fate: Fate = finish
    argument: float = 0
    repeated: str = ""
    is_delayed: bool = False
    names_workflow: bool = True


@dataclass(frozen=True)
class Case:
    """A workflow that comes to a COMMIT which is cut."""

    kind: Kind
    what: What
    workflow_id: str
    trap: Trap
    handle: Any

    @classmethod
    def start(cls, proxy: Proxy, kind: Kind, what: What, workflow_id: str) -> "Case":
        """Set the trap and start the workflow."""
        words = (*kind.words, workflow_id) if kind.names_workflow else kind.words
        trap = proxy.trap(what, *words)
        options = {"run_after": timedelta(hours=1)} if kind.is_delayed else {}
        definition = kind.definition.using(workflow_id=workflow_id, **options)
        handle = persist(lambda: definition.start(kind.argument))
        return cls(kind, what, workflow_id, trap, handle)

    def finish(self) -> None:
        """Wait until it has come to its end, and through its trap."""
        self.kind.fate(self.handle, self.trap)
        assert self.trap.sprung.wait(PATIENCE), self.workflow_id

    @property
    def repeated(self) -> str:
        """The place of the step that may be called twice."""
        is_repeated = self.what == "before" or self.kind.definition is stumbling
        suffix = self.kind.repeated if is_repeated else ""
        return suffix and self.workflow_id + suffix


COLD_KINDS = {
    "start": Kind(leaf, (WORKFLOW,)),
    "claim": Kind(leaf, ("SET status = 'PENDING'",), names_workflow=False),
    "step": Kind(leaf, (STEP, "workflows.work")),
    "async step": Kind(aleaf, (STEP, "workflows.awork")),
    "failed try": Kind(stumbling, (ATTEMPT,), Ended(1), repeated="/1"),
    "transaction": Kind(leaf, (STEP, "workflows.enter"), repeated="/2"),
    "async transaction": Kind(aleaf, (STEP, "workflows.enter"), repeated="/2"),
    "outcome": Kind(leaf, ("SET status = v.status",)),
    "async outcome": Kind(aleaf, ("SET status = v.status",)),
    "suspension": Kind(nap, (UPDATE, "WAITING", WAIT), Ended(1), argument=NAP),
    "async suspension": Kind(anap, (UPDATE, "WAITING", WAIT), argument=NAP),
    "wake-up": Kind(nap, (UPDATE, "ENQUEUED", "WAITING"), Ended(1), argument=NAP),
    "start of a child": Kind(starting, (WORKFLOW, STEP)),
    "async start of a child": Kind(astarting, (WORKFLOW, STEP)),
    "call of a child": Kind(calling, (LOCK, WORKFLOW), Ended(3)),
    "async call of a child": Kind(acalling, (LOCK, WORKFLOW), Ended(3)),
    "result of a child": Kind(starting, (STEP, "get_result")),
    "cancellation": Kind(
        nap, (UPDATE, "CANCELLED"), CANCELLED, be_cancelled, argument=3600
    ),
    "resumption": Kind(
        leaf, (UPDATE, "pause_reason"), fate=be_resumed, is_delayed=True
    ),
    "pause": Kind(leaf, (UPDATE, "pause_reason"), fate=be_paused, is_delayed=True),
}
"""By name: the COMMITs for a workflow; whatever it waits for, it leaves memory."""

HOT_KINDS = {"deadline of a wait": Kind(waiting, (WAIT,))}
"""Those of a workflow that stays in memory."""
