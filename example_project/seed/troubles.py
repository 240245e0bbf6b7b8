"""What an operator has to know how to deal with."""

from datetime import timedelta
from functools import partial
from typing import Any

from django.conf import settings
from django.test import override_settings

import django_durable as durable
from django_durable.models import Step, Worker, Workflow
from django_durable.testing import run_until_idle
from example_project.approvals.workflows import approve_purchase
from example_project.orders.workflows import fulfil_order
from example_project.reports.workflows import write_sales_report
from example_project.seed.shop import order
from example_project.seed.timeline import Timeline

# A report that has eaten the memory of its worker so often.
DEATHS = 10
# What an old link of a newsletter still orders.
SOLD_OUT = "samovar"


def plan(timeline: Timeline) -> None:
    """Plan all troubles of the week."""
    for hours in (70, 50, 5):
        moment = timeline.end - timedelta(hours=hours)
        timeline.at(moment, partial(strand, timeline))
    for hours in (30, 6, 1):
        moment = timeline.end - timedelta(hours=hours)
        timeline.at(moment, partial(cancel_one, timeline))
    for hours in (130, 90, 20, 2):
        moment = timeline.end - timedelta(hours=hours)
        timeline.at(moment, partial(order, timeline, sku=SOLD_OUT))
        timeline.at(moment, partial(order, timeline, payment="flaky"))
    timeline.at(timeline.end - timedelta(hours=26), partial(kill_workers, 1))
    timeline.at(timeline.end - timedelta(hours=3), partial(kill_workers, 2))
    timeline.at(timeline.end - timedelta(minutes=30), delay)


def strand(timeline: Timeline) -> None:
    """Let an order begin under a version that no worker has any more."""
    with override_settings(DURABLE={**settings.DURABLE, "APP_VERSION": "2026.10"}):
        order(timeline)
        run_until_idle()


def change_code() -> None:
    """Let orders that wait find other code when they go on, and stop for that."""
    waiting = Workflow.objects.for_definition(fulfil_order).filter(
        status=Workflow.Status.WAITING, version=fulfil_order.version
    )
    for workflow in waiting.order_by("created_at", "pk")[:3]:
        first = Step.objects.filter(workflow_id=workflow.pk, step_id=1)
        first.update(name="example_project.orders.workflows.write_order")
        durable.send(workflow.pk, {"delivered": True}, "delivery")
        durable.send(workflow.pk, {"approved": True}, "fraud_check")
    run_until_idle()


def cancel_one(timeline: Timeline) -> None:
    """Cancel what somebody regrets."""
    waiting = Workflow.objects.filter(status=Workflow.Status.WAITING)
    names = [fulfil_order.name, approve_purchase.name]
    regretted = waiting.filter(name__in=names).order_by("-created_at", "pk").first()
    if regretted is not None:
        why = timeline.chance.choice(["Ordered twice.", "The customer called."])
        durable.cancel_workflow(regretted.pk, reason=why)


def kill_workers(number: int) -> None:
    """Let a report kill one worker after the other."""
    handle = write_sales_report.using(
        workflow_id=f"report-of-everything-{number}", queue_name="reports"
    ).start()
    for deaths in range(DEATHS + 2):
        lost = Worker.objects.register(Worker.Kind.WORKER)
        _be_held(handle.workflow_id, lost, claim=deaths + 1)
        Worker.objects.filter(pk=lost.pk).update(state=Worker.State.DEAD)
        Workflow.objects.requeue_abandoned()


def _be_held(workflow_id: str, worker: Worker, **changes: Any) -> None:
    queued = Workflow.objects.filter(pk=workflow_id, status=Workflow.Status.ENQUEUED)
    queued.update(status=Workflow.Status.PENDING, worker=worker, **changes)


def delay() -> None:
    """Start something for later."""
    write_sales_report.using(
        workflow_id="report-of-the-month",
        queue_name="reports",
        run_after=timedelta(days=3),
    ).start()
