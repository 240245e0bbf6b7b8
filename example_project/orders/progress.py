"""How far an order has come, as its page and its JSON show it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import django_durable as durable
from django_durable.models import Step, Workflow
from example_project.orders.models import Order, ServiceCall


@dataclass(frozen=True, slots=True)
class RecordedStep:
    """A step of the workflow that will not be executed again."""

    number: int
    name: str
    has_failed: bool
    completed_at: datetime


@dataclass(frozen=True, slots=True)
class Progress:
    """An order, its workflow, what it has published, its steps and their calls."""

    order: Order
    workflow: Workflow | None
    events: dict[str, Any]
    steps: list[RecordedStep]
    calls: list[ServiceCall]

    @property
    def is_active(self) -> bool:
        """Tell whether there is more to come."""
        return self.workflow is not None and not self.workflow.is_finished

    def as_json(self) -> dict[str, Any]:
        """Return the same for scripts."""
        return {
            "id": self.order.pk,
            "status": self.order.status,
            "total": str(self.order.total),
            "workflow": {
                "id": self.order.workflow_id,
                "status": self.workflow.status if self.workflow else None,
            },
            "events": self.events,
            "steps": [
                {"number": step.number, "name": step.name, "failed": step.has_failed}
                for step in self.steps
            ],
            "calls": [
                {
                    "service": call.service,
                    "request": call.request,
                    "idempotency_key": call.idempotency_key,
                    "answer": call.answer,
                }
                for call in self.calls
            ],
        }


def progress_of(order: Order) -> Progress:
    """Read how far an order has come."""
    # The key of a step's calls is made of the workflow's id and the step's number.
    calls = ServiceCall.objects.filter(
        idempotency_key__startswith=f"{order.workflow_id}/"
    )
    workflow = Workflow.objects.filter(pk=order.workflow_id).first()
    return Progress(
        order=order,
        workflow=workflow,
        events=durable.get_events(order.workflow_id) if workflow else {},
        steps=recorded_steps(order),
        calls=list(calls),
    )


def recorded_steps(order: Order) -> list[RecordedStep]:
    """Return what the workflow of an order has recorded, in its order."""
    rows = Step.objects.filter(workflow_id=order.workflow_id).order_by("step_id")
    return [
        RecordedStep(
            number=row.step_id,
            name=row.name.rpartition(".")[2],
            has_failed=row.error is not None,
            completed_at=row.completed_at,
        )
        for row in rows
    ]
