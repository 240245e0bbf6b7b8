"""Orders, and what the simulated outside services were asked."""

from typing import Any

from django.db import models
from django.urls import reverse
from django.utils import timezone


class OrderQuerySet(models.QuerySet["Order"]):
    """Orders by what their fulfilment does with them."""

    def advance(self, order_id: int, status: str, **changes: Any) -> None:
        """Give one order its next status and whatever belongs to it."""
        self.filter(pk=order_id).update(
            status=status, updated_at=timezone.now(), **changes
        )


class Order(models.Model):
    """What a customer wants, and how far the shop has come."""

    class Status(models.TextChoices):
        PLACED = "placed", "placed"
        CREATED = "created", "created"
        RESERVED = "reserved", "inventory reserved"
        PAID = "paid", "paid"
        PAYMENT_FAILED = "payment_failed", "payment failed"
        SHIPPED = "shipped", "shipped"
        DELIVERED = "delivered", "delivered"
        RETURNED = "returned", "returned by the carrier"
        MISSING = "missing", "missing on its way"
        CANCELLED = "cancelled", "cancelled"

    class Payment(models.TextChoices):
        GOOD = "good", "a card that works"
        FLAKY = "flaky", "a card whose bank is down twice"
        REFUSED = "refused", "a card that is refused"

    customer = models.CharField(max_length=80)
    payment = models.CharField(
        "pays with", max_length=10, choices=Payment, default=Payment.GOOD
    )
    status = models.CharField(max_length=20, choices=Status, default=Status.PLACED)
    total = models.DecimalField(max_digits=10, decimal_places=2, default=0)
    reservation = models.CharField(max_length=40, blank=True)
    charge = models.CharField(max_length=40, blank=True)
    tracking = models.CharField(max_length=40, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(default=timezone.now)

    objects = OrderQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"Order {self.pk}"

    def get_absolute_url(self) -> str:
        """Return the address of the page that shows the order's progress."""
        return reverse("order", args=[self.pk])

    @property
    def workflow_id(self) -> str:
        """The id of the workflow that fulfils this order."""
        return f"order-{self.pk}"


class OrderItem(models.Model):
    """One line of an order, with the price of its day."""

    order = models.ForeignKey(Order, models.CASCADE, related_name="items")
    sku = models.CharField(max_length=20)
    title = models.CharField(max_length=80)
    price = models.DecimalField(max_digits=10, decimal_places=2)
    quantity = models.PositiveIntegerField()

    def __str__(self) -> str:
        return f"{self.quantity} × {self.title}"


class ServiceCall(models.Model):
    """The ledger of the outside services: who asked what, and what was answered.

    A real shop would find this in the books of its bank or carrier.
    """

    service = models.CharField(max_length=20)
    request = models.CharField(max_length=200)
    idempotency_key = models.CharField(max_length=300, db_index=True)
    answer = models.CharField(max_length=200, blank=True)
    called_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{self.service}: {self.request}"
