"""Values that workflows publish under a key."""

from dataclasses import dataclass
from typing import ClassVar

from django.db import connections, models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from django_durable.models import sql
from django_durable.models.publication import Publication, Values
from django_durable.models.tables import EVENT, HISTORY, WORKFLOW
from django_durable.models.targets import event_target
from django_durable.models.workflow import Workflow

_SET = (
    "ON CONFLICT (workflow_id, key) DO UPDATE"
    " SET value = {value}, updated_at = excluded.updated_at"
)
# A value that the statement's snapshot does not know may not be overwritten by
# one that must not overwrite: null is refused, see publication.store().
_NEWEST = f"""
    CASE WHEN EXISTS (
        SELECT 1 FROM d JOIN x ON x.i = d.i
        WHERE d.workflow_id = excluded.workflow_id AND x.key = excluded.key
          AND NOT x.overwrite AND NOT EXISTS (
              SELECT 1 FROM {EVENT} AS e
              WHERE e.workflow_id = excluded.workflow_id AND e.key = excluded.key))
    THEN NULL ELSE excluded.value END"""
_PAST = (
    "ON CONFLICT (workflow_id, key, branch, step_id) DO UPDATE"
    " SET value = excluded.value, set_at = excluded.set_at"
)


@dataclass(frozen=True, slots=True)
class EventSetting(Publication):
    """A value for a key; its checkpoint's error counts when it may not be changed.

    The same value again from the same place is no change: a step that is executed
    again after a crash sets it again.
    """

    key: str = ""
    value: str = ""
    overwrite: bool = True

    columns: ClassVar[str] = "key, value, overwrite"
    casts: ClassVar[str] = "%s::text[], %s::text[], %s::bool[]"
    refusal: ClassVar[str] = f"""
        CASE WHEN EXISTS (
            SELECT 1 FROM x JOIN {EVENT} AS e ON e.key = x.key
            WHERE x.i = v.i AND NOT x.overwrite AND e.workflow_id = v.workflow_id
              AND NOT (e.value = x.value AND EXISTS (
                  SELECT 1 FROM {HISTORY} AS h
                  WHERE h.workflow_id = v.workflow_id AND h.key = x.key
                    AND h.branch = v.branch AND h.step_id = v.step_id
                    AND h.value = x.value)))
        THEN v.error END"""
    effects: ClassVar[str] = f"""
        past AS (
            INSERT INTO {HISTORY} (workflow_id, key, branch, step_id, value, set_at)
            SELECT d.workflow_id, x.key, d.branch, d.step_id, x.value, d.completed_at
            FROM d JOIN x ON x.i = d.i {_PAST}),
        latest AS (
            INSERT INTO {EVENT} (workflow_id, key, value, updated_at)
            SELECT d.workflow_id, x.key, x.value, d.completed_at
            FROM d JOIN x ON x.i = d.i ORDER BY 1, 2 {_SET.format(value=_NEWEST)})"""

    @property
    def batch_key(self) -> object:
        return "event", self.checkpoint.workflow_id, self.key

    @property
    def watched(self) -> str:
        return ""

    @property
    def targets(self) -> list[str]:
        return [event_target(self.checkpoint.workflow_id, self.key).name]

    def payload(self) -> list[Values]:
        return [(self.key, self.value, self.overwrite)]

    def refuse(self, connection: BaseDatabaseWrapper) -> str | None:
        if self.overwrite:
            return None
        row = self.checkpoint
        mine = Q(workflow=row.workflow_id, key=self.key)
        events = Event.objects.using(connection.alias).filter(mine)
        past = EventHistory.objects.using(connection.alias).filter(
            mine, branch=row.branch, step_id=row.step_id, value=self.value
        )
        if past.exists():
            events = events.exclude(value=self.value)
        return row.error if events.exists() else None

    def publish(self, connection: BaseDatabaseWrapper) -> int:
        row, at = self.checkpoint, sql.stamp(connection, self.checkpoint.completed_at)
        with connection.cursor() as cursor:
            cursor.execute(
                f"INSERT INTO {HISTORY} (workflow_id, key, branch, step_id, value,"
                f" set_at) VALUES (%s, %s, %s, %s, %s, %s) {_PAST}",
                [row.workflow_id, self.key, row.branch, row.step_id, self.value, at],
            )
            cursor.execute(
                f"INSERT INTO {EVENT} (workflow_id, key, value, updated_at)"
                f" VALUES (%s, %s, %s, %s) {_SET.format(value='excluded.value')}",
                [row.workflow_id, self.key, self.value, at],
            )
        return 0


@dataclass(frozen=True, slots=True)
class Seen:
    """A workflow's status, and what it has published under a key."""

    status: str
    value: str | None


class EventQuerySet(models.QuerySet["Event"]):
    """The latest values of keys."""

    def look(self, workflow_id: str, key: str) -> Seen | None:
        """Return status and stored value in one look, None without the workflow."""
        found = sql.fetch_hot(
            connections[self.db],
            f"SELECT w.status, e.value FROM {WORKFLOW} AS w LEFT JOIN {EVENT} AS e"
            " ON e.workflow_id = w.id AND e.key = %s WHERE w.id = %s",
            [key, workflow_id],
        )
        return Seen(*found[0]) if found else None


class Event(models.Model):
    """The latest value of a key."""

    pk = models.CompositePrimaryKey("workflow_id", "key")
    workflow = models.ForeignKey(
        Workflow,
        models.CASCADE,
        db_constraint=False,
        db_index=False,
        related_name="events",
    )
    key = models.TextField(_("key"))
    value = models.TextField(_("value"))
    updated_at = models.DateTimeField(_("updated at"))

    objects = EventQuerySet.as_manager()

    class Meta:
        verbose_name = _("event")
        verbose_name_plural = _("events")
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.workflow_id}: {self.key}"


class EventHistory(models.Model):
    """The value that one step gave a key: what a fork takes along."""

    pk = models.CompositePrimaryKey("workflow_id", "key", "branch", "step_id")
    workflow = models.ForeignKey(
        Workflow,
        models.CASCADE,
        db_constraint=False,
        db_index=False,
        related_name="event_history",
    )
    key = models.TextField(_("key"))
    branch = models.TextField(_("branch"), default="", blank=True)
    step_id = models.IntegerField(_("step"))
    value = models.TextField(_("value"))
    set_at = models.DateTimeField(_("set at"))

    class Meta:
        verbose_name = _("past event")
        verbose_name_plural = _("past events")
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.workflow_id}: {self.key} at step {self.step_id}"
