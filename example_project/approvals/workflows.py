"""How a purchase gets its yes or no."""

from dataclasses import dataclass
from datetime import timedelta

from django.core.mail import send_mail

import django_durable as durable
from example_project.approvals.models import Purchase

DEADLINE = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Decision:
    """What a member of the staff has said."""

    approved: bool
    reason: str = ""


@durable.workflow
def approve_purchase(purchase_id: int) -> str:
    """Wait a day for a decision; without one, the purchase expires."""
    write_to_staff(purchase_id)
    try:
        decision = durable.recv(
            "decision", timeout=DEADLINE, schema=Decision, human=True
        )
    except durable.WaitTimeout:
        # Somebody may have decided in this very moment, too late.
        close(purchase_id, Purchase.Status.EXPIRED, decided_by="")
        return "expired"
    if not decision.approved:
        close(purchase_id, Purchase.Status.REJECTED, reason=decision.reason)
        return "rejected"
    order_goods(purchase_id)
    close(purchase_id, Purchase.Status.APPROVED, reason=decision.reason)
    return "approved"


@durable.step
def write_to_staff(purchase_id: int) -> None:
    """Ask for a decision by mail."""
    purchase = Purchase.objects.get(pk=purchase_id)
    durable.set_summary(f"{purchase} for {purchase.price} €, {purchase.asked_by} asks")
    send_mail(
        f"Please decide: {purchase} for {purchase.price} €",
        f"{purchase.asked_by} asks. Decide on {purchase.get_absolute_url()}",
        from_email=None,
        recipient_list=["staff@teahouse.example"],
    )


@durable.step
def order_goods(purchase_id: int) -> None:
    """Order by mail what was approved."""
    purchase = Purchase.objects.get(pk=purchase_id)
    send_mail(
        f"Order {purchase.pk}",
        f"Please deliver: {purchase}.",
        from_email=None,
        recipient_list=["sales@supplier.example"],
    )


@durable.transaction
def close(purchase_id: int, status: str, **changes: str) -> None:
    """Write down how it ended."""
    Purchase.objects.close(purchase_id, status, **changes)
