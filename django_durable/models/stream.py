"""Ordered values that workflows publish."""

from dataclasses import dataclass

from django.db import connections, models
from django.utils.translation import gettext_lazy as _

from django_durable.models import sql
from django_durable.models.status import TERMINAL
from django_durable.models.tables import ENTRY, STREAM, WORKFLOW
from django_durable.models.workflow import Workflow

# Beyond what the column holds there is nothing; with a limit the sum must fit as well.
LARGEST_OFFSET = 2**62


@dataclass(frozen=True, slots=True)
class StreamState:
    """How far a stream is, whether more can come, and what was looked for."""

    status: str
    next_offset: int
    is_closed: bool
    values: list[str]

    @property
    def is_over(self) -> bool:
        """Tell whether nothing more can be written."""
        return self.is_closed or self.status in TERMINAL


class StreamQuerySet(models.QuerySet["Stream"]):
    """The counters of streams."""

    def look(
        self, workflow_id: str, key: str, offset: int, limit: int
    ) -> StreamState | None:
        """Return the state and the stored values from an offset on, in one look.

        None without the workflow. Offsets are dense, so that a range of them bounds
        what is read.
        """
        first = min(offset, LARGEST_OFFSET)
        found = sql.fetch_hot(
            connections[self.db], _LOOK, [key, key, first, first + limit, workflow_id]
        )
        if not found:
            return None
        status, next_offset, is_closed, _ = found[0]
        values = [value for *_, value in found if value is not None]
        return StreamState(status, next_offset, bool(is_closed), values)

    def is_closed_by(self, workflow_id: str, key: str, place: tuple[str, int]) -> bool:
        """Tell whether it was this place of the workflow that ended the stream."""
        mine = self.filter(workflow=workflow_id, key=key, is_closed=True)
        return mine.filter(closed_branch=place[0], closed_by=place[1]).exists()


_LOOK = f"""
SELECT w.status, coalesce(s.next_offset, 0), s.is_closed IS TRUE, e.value
FROM {WORKFLOW} AS w
LEFT JOIN {STREAM} AS s ON s.workflow_id = w.id AND s.key = %s
LEFT JOIN {ENTRY} AS e ON e.workflow_id = w.id AND e.key = %s
    AND e."offset" >= %s AND e."offset" < %s
WHERE w.id = %s ORDER BY e."offset"
"""


class StreamEntryQuerySet(models.QuerySet["StreamEntry"]):
    """Entries by stream and offset."""

    def values_from(
        self, workflow_id: str, key: str, offset: int, limit: int
    ) -> list[str]:
        """Return the stored values from an offset on, at most ``limit``."""
        found = sql.fetch_hot(
            connections[self.db],
            f"SELECT value FROM {ENTRY} WHERE workflow_id = %s AND key = %s"
            ' AND "offset" >= %s ORDER BY "offset" LIMIT %s',
            [workflow_id, key, offset, limit],
        )
        return [value for (value,) in found]


class Stream(models.Model):
    """The counter of a stream: where its next entry goes, and whether it may."""

    pk = models.CompositePrimaryKey("workflow_id", "key")
    workflow = models.ForeignKey(
        Workflow,
        models.CASCADE,
        db_constraint=False,
        db_index=False,
        related_name="streams",
    )
    key = models.TextField(_("key"))
    next_offset = models.BigIntegerField(_("next offset"), default=0)
    is_closed = models.BooleanField(_("closed"), default=False)
    closed_branch = models.TextField(_("closed in branch"), default="", blank=True)
    closed_by = models.IntegerField(_("closed by step"), null=True)

    objects = StreamQuerySet.as_manager()

    class Meta:
        verbose_name = _("stream")
        verbose_name_plural = _("streams")
        default_permissions = ("view",)

    def __str__(self) -> str:
        return f"{self.workflow_id}: {self.key}"


class StreamEntry(models.Model):
    """One value of a stream."""

    pk = models.CompositePrimaryKey("workflow_id", "key", "offset")
    workflow = models.ForeignKey(
        Workflow,
        models.CASCADE,
        db_constraint=False,
        db_index=False,
        related_name="stream_entries",
    )
    key = models.TextField(_("key"))
    offset = models.BigIntegerField(_("offset"))
    value = models.TextField(_("value"))
    branch = models.TextField(_("branch"), default="", blank=True)
    step_id = models.IntegerField(_("step"))
    attempt = models.IntegerField(_("attempt"), default=1)
    # A step that is executed again after a crash has another claim, and no attempt
    # more: only what has failed is counted.
    claim = models.BigIntegerField(_("claim"), db_default=0)
    written_at = models.DateTimeField(_("written at"))

    objects = StreamEntryQuerySet.as_manager()

    class Meta:
        verbose_name = _("stream entry")
        verbose_name_plural = _("stream entries")
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.workflow_id}: {self.key} {self.offset}"
