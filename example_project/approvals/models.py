"""Purchases, and what was decided about them."""

from typing import Any

from django.db import models
from django.urls import reverse
from django.utils import timezone


class PurchaseQuerySet(models.QuerySet["Purchase"]):
    """Purchases by what can still be done with them."""

    def decide(self, purchase_id: int, decided_by: str) -> bool:
        """Note who decides, and tell whether nobody was faster."""
        undecided = self.filter(pk=purchase_id, status=Purchase.Status.ASKED)
        return bool(undecided.filter(decided_by="").update(decided_by=decided_by))

    def close(self, purchase_id: int, status: str, **changes: Any) -> None:
        """Give one purchase its final status and whatever belongs to it."""
        self.filter(pk=purchase_id).update(
            status=status, closed_at=timezone.now(), **changes
        )


class Purchase(models.Model):
    """Something that is bought if the staff says yes in time."""

    class Status(models.TextChoices):
        ASKED = "asked", "waits for a decision"
        APPROVED = "approved", "approved"
        REJECTED = "rejected", "rejected"
        EXPIRED = "expired", "expired"

    title = models.CharField("what", max_length=80)
    price = models.DecimalField(max_digits=8, decimal_places=2)
    asked_by = models.CharField("who asks", max_length=80)
    status = models.CharField(max_length=20, choices=Status, default=Status.ASKED)
    decided_by = models.CharField(max_length=150, blank=True)
    reason = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    closed_at = models.DateTimeField(null=True, blank=True)

    objects = PurchaseQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        """Return the address of the page on which it is decided."""
        return reverse("purchase", args=[self.pk])

    @property
    def workflow_id(self) -> str:
        """The id of the workflow that waits for the decision."""
        return f"purchase-{self.pk}"
