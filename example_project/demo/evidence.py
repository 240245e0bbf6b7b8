"""What the database and the services' ledger say about an order."""

from django_durable.models import Notification, Workflow
from example_project.orders.models import Order, ServiceCall
from example_project.orders.progress import RecordedStep, recorded_steps

TOPICS = ("fraud_check", "delivery")


def unanswered_call(service: str) -> ServiceCall | None:
    """Return a call that the service is still working on."""
    return ServiceCall.objects.filter(service=service, answer="").first()


def answered_call(service: str) -> ServiceCall | None:
    """Return a call that the service has answered."""
    return ServiceCall.objects.filter(service=service).exclude(answer="").first()


def has_status(order: Order, status: str) -> bool:
    """Tell whether an order has come to a status."""
    return Order.objects.filter(pk=order.pk, status=status).exists()


def was_asked_again(call: ServiceCall) -> bool:
    """Tell whether the service has got another call after this one."""
    return ServiceCall.objects.filter(service=call.service, pk__gt=call.pk).exists()


def has_ended(workflow_id: str) -> bool:
    """Tell whether a workflow has its outcome."""
    return Workflow.objects.finished().filter(pk=workflow_id).exists()


def check_story(
    order: Order, before_the_kill: list[RecordedStep], interrupted: ServiceCall
) -> list[tuple[bool, str]]:
    """Return what must be true at the end, and whether it is."""
    workflow = Workflow.objects.get(pk=order.workflow_id)
    steps = recorded_steps(order)
    calls = list(ServiceCall.objects.all())
    repeated = [call for call in calls if call.service == interrupted.service]
    others = [call for call in calls if call not in repeated]
    received = Notification.objects.filter(destination=workflow)
    count = len(before_the_kill)
    return [
        (
            workflow.status == Workflow.Status.SUCCESS,
            f"workflow {workflow.pk} has ended with {workflow.status}",
        ),
        (
            order.status == Order.Status.DELIVERED,
            f"{order} is {order.get_status_display()}, parcel {order.tracking}",
        ),
        (
            steps[:count] == before_the_kill,
            f"steps 1 to {count} are still those that the first worker recorded",
        ),
        (
            len(others) == len({call.idempotency_key for call in others}) == 5,
            f"{len(others)} other calls of services were made, each of them once",
        ),
        (
            [received.filter(topic=topic).count() for topic in TOPICS] == [1, 1],
            "each webhook sent one message, also the one that was posted twice",
        ),
        (
            not received.filter(consumed_by=None).exists(),
            "and the workflow has received both",
        ),
        (
            order.items.count() == 2,
            "the transaction that wrote the order's lines committed once",
        ),
        (
            len(repeated) == 2,
            f"the interrupted step called {interrupted.service} {len(repeated)} times",
        ),
        (
            {call.idempotency_key for call in repeated}
            == {interrupted.idempotency_key},
            f"each time with the same idempotency key {interrupted.idempotency_key}",
        ),
        (
            [bool(call.answer) for call in repeated] == [False, True]
            and repeated[-1].answer == order.charge,
            f"and the customer was charged once: {order.charge}, {order.total} €",
        ),
    ]
