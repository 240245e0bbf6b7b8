"""What the tests' own workflows write to."""

from django.db import models


class Entry(models.Model):
    """A line of the ledger: one effect of one transaction step."""

    key = models.TextField()
    note = models.TextField(default="")

    class Meta:
        app_label = "tests"

    def __str__(self) -> str:
        return self.key


class Account(models.Model):
    """Money, for the documentation's examples."""

    balance = models.IntegerField(default=0)

    class Meta:
        app_label = "tests"

    def __str__(self) -> str:
        return f"{self.pk}: {self.balance}"


class Receipt(models.Model):
    """What holds on to a workflow, by the database's own check alone."""

    workflow = models.ForeignKey(
        "django_durable.Workflow", on_delete=models.DO_NOTHING, related_name="+"
    )

    class Meta:
        app_label = "tests"

    def __str__(self) -> str:
        return f"of {self.workflow_id}"
