"""What was measured."""

from django.db import models
from django.utils import timezone


class ReadingQuerySet(models.QuerySet["Reading"]):
    """Readings by room and age."""

    def keep_latest(self, room: str, count: int) -> int:
        """Delete all but the latest readings of a room; return how many."""
        mine = self.filter(room=room)
        latest = list(mine.order_by("-pk").values_list("pk", flat=True)[:count])
        deleted, _ = mine.exclude(pk__in=latest).delete()
        return deleted


class Reading(models.Model):
    """A temperature of a room."""

    room = models.CharField(max_length=40, db_index=True)
    celsius = models.FloatField()
    is_too_warm = models.BooleanField(default=False)
    taken_at = models.DateTimeField(default=timezone.now)

    objects = ReadingQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"{self.room}: {self.celsius:g} °C"
