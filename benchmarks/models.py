"""What a transaction of a workflow changes."""

from django.db import models


class Account(models.Model):
    """Something of an application's own."""

    balance = models.IntegerField(default=0)

    class Meta:
        app_label = "benchmarks"

    def __str__(self) -> str:
        return f"account {self.pk}"
