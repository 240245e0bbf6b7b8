"""What suspended workflows wait for."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, TypeAlias

from django.db import connections, models, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Case, Exists, OuterRef, Q, When
from django.utils.translation import gettext_lazy as _

from django_durable import clock
from django_durable.models import compiled, sql, suspension
from django_durable.models.compiled import Rows, Selection
from django_durable.models.event import Event
from django_durable.models.notification import Notification
from django_durable.models.status import TERMINAL, Status
from django_durable.models.stream import Stream
from django_durable.models.suspension import FIELDS, WaitRow
from django_durable.models.targets import TargetKind
from django_durable.models.workflow import Workflow

__all__ = ["Wait", "WaitQuerySet", "WaitRow", "waiting_statement"]

# A channel of PostgreSQL, and what to say there.
Hint: TypeAlias = tuple[str, str]


class WaitQuerySet(models.QuerySet["Wait"]):
    """Waits by what would end them."""

    def keep(self, workflow_id: str, rows: Iterable[WaitRow]) -> None:
        """Insert the rows that are not there; first deadlines stay."""
        waits = [
            Wait(workflow_id=workflow_id, **dict(zip(FIELDS, values, strict=True)))
            for values in (row.values() for row in rows)
        ]
        if waits:
            sql.insert_new(connections[self.db], waits)

    def suspend(
        self,
        workflow_id: str,
        claim: int,
        rows: Sequence[WaitRow],
        *,
        wake_at: datetime | None,
    ) -> bool:
        """Move a held workflow to WAITING for ``rows``, in one commit.

        On PostgreSQL in one statement, unless somebody has locked the workflow, or
        the answer to that statement got lost.
        """
        connection, now = connections[self.db], clock.now()
        if sql.is_postgresql(connection) and suspension.suspend(
            connection, workflow_id, claim, rows, wake_at=wake_at, now=now
        ):
            return True
        with transaction.atomic(using=self.db):
            sql.limit_lock_wait(connection)
            workflows = Workflow.objects.using(self.db)
            is_suspended = workflows.suspend(workflow_id, claim, wake_at=wake_at)
            if is_suspended:
                self.replace(workflow_id, rows)
        return is_suspended

    def replace(self, workflow_id: str, rows: Iterable[WaitRow]) -> None:
        """Make ``rows`` what the workflow waits for; first deadlines stay."""
        wanted = {(row.branch, row.step_id, row.target.name): row for row in rows}
        for branch, step_id, target, _wake_at in self.journal(workflow_id):
            if wanted.pop((branch, step_id, target), None) is None:
                self._forget(_ONE, workflow_id, branch, step_id, target)
        self.keep(workflow_id, wanted.values())

    def journal(self, workflow_id: str) -> list[tuple[str, int, str, datetime | None]]:
        """Return (branch, step_id, target, wake_at) of what a workflow waits for."""
        return _JOURNAL(self, workflow=workflow_id)

    def forget(self, workflow_id: str) -> None:
        """Delete all that a workflow waits for."""
        self._forget(_ALL, workflow_id)

    def _forget(self, chosen: str, *params: Any) -> None:
        statement = f"DELETE FROM {sql.table(Wait)} WHERE {chosen}"
        sql.execute_hot(connections[self.db], statement, params)

    def wake(self, targets: Iterable[str], *, hint: Hint | None = None) -> int:
        """Queue the workflows that wait for one of ``targets``.

        To be called after the commit of what it tells (I6). On PostgreSQL the
        statement that looks for them can give other processes a ``hint``.
        """
        ids = _waiting_for(connections[self.db], list(targets), hint)
        return Workflow.objects.using(self.db).requeue_waiting(ids) if ids else 0

    def wake_if_met(
        self, workflow_id: str, claim: int, rows: Iterable[WaitRow]
    ) -> None:
        """Queue a workflow that has just suspended if a wait is over already.

        The second look of I6: after the commit that wrote WAITING.
        """
        kinds = {row.target.kind for row in rows}
        looks = [look for kind, look in _MINE_MET.items() if kind in kinds]
        if any(look(self, workflow=workflow_id) for look in looks):
            Workflow.objects.using(self.db).requeue_waiting([workflow_id], claim=claim)

    def wake_met(self) -> int:
        """Queue the workflows whose wait is over although nobody woke them.

        The sweep: repairs wake-ups that a crash or a busy row swallowed.
        """
        ids = {pk for met in _ALL_MET.values() for (pk,) in met(self)}
        return Workflow.objects.using(self.db).requeue_waiting(ids)


def waiting_statement(
    connection: BaseDatabaseWrapper, targets: list[str]
) -> tuple[str, list[Any]]:
    """Return the look for WAITING workflows by target; its plan is tested.

    One that suspends after this look looks again by itself.
    """
    params: list[Any] = [sql.array(targets)]
    among = "= ANY(%s::text[])"
    if not sql.is_postgresql(connection):
        among, params = f"IN ({', '.join(['%s'] * len(targets))})", [*targets]
    statement = (
        f"SELECT DISTINCT w.id FROM {sql.table(Wait)}"
        f" JOIN {sql.table(Workflow)} AS w ON w.id = workflow_id"
        f" WHERE target {among} AND w.status = 'WAITING'"
    )
    return statement, params


def _waiting_for(
    connection: BaseDatabaseWrapper, targets: list[str], hint: Hint | None
) -> list[str]:
    look, params = waiting_statement(connection, targets)
    if hint is None:
        return [pk for (pk,) in sql.fetch_hot(connection, look, params)]
    statement = f"SELECT ARRAY({look}), pg_notify(%s, %s)"
    ((ids, _),) = sql.fetch_hot(connection, statement, [*params, *hint])
    return list(ids)


def _met(rows: Rows, kind: TargetKind, **chosen: Any) -> Rows:
    """Keep the waits of a kind that are over, asked of the facts themselves.

    Only of workflows that wait now. That is asked last, of the few that are over,
    and each question is one for an index: what has finished is never walked over.
    """
    mine = Workflow.objects.using(rows.db).filter(pk=OuterRef("workflow_id"))
    waits_now = Exists(mine.filter(status=Status.WAITING))
    is_met = Case(When(_fact(kind, rows.db), then=waits_now))
    return rows.filter(is_met, kind=kind.value, **chosen).values_list("workflow_id")


def _fact(kind: TargetKind, using: str) -> Q:
    """Say what ends a wait; nothing can come of a workflow that has ended or gone."""
    its_key = Q(workflow_id=OuterRef("awaited_id"), key=OuterRef("key"))
    if kind is TargetKind.MESSAGE:
        unread = Notification.objects.using(using).filter(
            destination_id=OuterRef("awaited_id"),
            topic=OuterRef("key"),
            consumed_by=None,
        )
        return Q(Exists(unread))
    active = Workflow.objects.using(using).filter(pk=OuterRef("awaited_id"))
    is_over = Q(~Exists(active.exclude(status__in=TERMINAL)))
    if kind is TargetKind.EVENT:
        return is_over | Q(Exists(Event.objects.using(using).filter(its_key)))
    if kind is TargetKind.STREAM:
        goes_on = Q(next_offset__gt=OuterRef("offset")) | Q(is_closed=True)
        streams = Stream.objects.using(using).filter(its_key)
        return is_over | Q(Exists(streams.filter(goes_on)))
    return is_over


_ALL = "workflow_id = %s"
_ONE = "workflow_id = %s AND branch = %s AND step_id = %s AND target = %s"
_WORKFLOW = compiled.text("workflow")
_JOURNAL = Selection(
    lambda rows: rows.filter(workflow_id=_WORKFLOW).values_list(
        "branch", "step_id", "target", "wake_at"
    )
)
_KINDS = [kind for kind in TargetKind if kind is not TargetKind.TIMER]


def _selection(kind: TargetKind, **chosen: Any) -> Selection:
    return Selection(lambda rows: _met(rows, kind, **chosen))


_ALL_MET = {kind: _selection(kind) for kind in _KINDS}
_MINE_MET = {kind: _selection(kind, workflow_id=_WORKFLOW) for kind in _KINDS}


class Wait(models.Model):
    """One thing that a workflow waits for, with its first deadline."""

    pk = models.CompositePrimaryKey("workflow_id", "branch", "step_id", "target")
    workflow = models.ForeignKey(
        Workflow,
        models.CASCADE,
        db_constraint=False,
        db_index=False,
        related_name="waits",
    )
    branch = models.TextField(_("branch"), default="", blank=True)
    step_id = models.IntegerField(_("step"))
    target = models.TextField(_("target"))
    kind = models.CharField(_("kind"), max_length=16)
    awaited_id = models.TextField(_("workflow waited for"), default="", blank=True)
    key = models.TextField(_("key or topic"), default="", blank=True)
    offset = models.BigIntegerField(_("offset"), null=True)
    wake_at = models.DateTimeField(_("wakes at"), null=True)
    # Workers of the release before insert rows without the two.
    is_human = models.BooleanField(_("for a person"), default=False, db_default=False)
    schema = models.TextField(_("schema"), default="", db_default="", blank=True)

    objects = WaitQuerySet.as_manager()

    class Meta:
        verbose_name = _("wait")
        verbose_name_plural = _("waits")
        default_permissions = ()
        indexes = [
            # wake(): who waits for what has just happened.
            models.Index(fields=["target"], name="durable_wait_target"),
            # The console's inbox: who waits for a person, the next deadline first.
            models.Index(
                fields=["wake_at"],
                name="durable_wait_human",
                condition=Q(is_human=True),
            ),
        ]

    def __str__(self) -> str:
        return self.target
