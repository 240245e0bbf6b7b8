"""Checkpoints: the recorded outcomes of steps."""

from collections.abc import Sequence
from typing import Any

from django.db import connections, models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from django_durable import signals
from django_durable.models import checkpoint as statements, compiled, hints, publication
from django_durable.models.checkpoint import Checkpoint, Recorded, Verdict
from django_durable.models.compiled import Selection
from django_durable.models.publication import Publication
from django_durable.models.status import Standing, Status
from django_durable.models.workflow import Workflow


class StepQuerySet(models.QuerySet["Step"]):
    """The journal: written with a fence, read once."""

    def record(self, checkpoints: Sequence[Checkpoint]) -> list[Recorded]:
        """Insert checkpoints behind the ordinary fence, in one statement.

        Lock-free: a row goes in when its claim is still the newest. Where
        another execution was first, its outcome comes back to be adopted.
        The places of ``checkpoints`` must differ.
        """
        connection = connections[self.db]
        found = statements.insert_many(connection, checkpoints)
        conflicts = [
            row for row, got in zip(checkpoints, found, strict=True) if got is None
        ]
        standings = self._explain(conflicts) if conflicts else {}
        return [
            Recorded(Verdict.RECORDED, got) if got else standings[row.place]
            for row, got in zip(checkpoints, found, strict=True)
        ]

    def record_held(self, checkpoint: Checkpoint) -> Recorded:
        """Insert one checkpoint behind the strict fence.

        Locks the workflow's row until the surrounding transaction ends: what
        else it writes commits only with a claim that is the newest and PENDING.
        """
        connection = connections[self.db]
        got = statements.insert_held(connection, checkpoint)
        if got is not None:
            return Recorded(Verdict.RECORDED, got)
        return self._explain([checkpoint])[checkpoint.place]

    def publish(
        self, rows: Sequence[Publication], *, waits: bool = False
    ) -> list[Recorded]:
        """Store publications of one kind behind the strict fence.

        Told on commit to whoever waits. Rows that somebody else has locked come
        back as BUSY, unless it ``waits`` for them.
        """
        connection = connections[self.db]
        targets = [target for row in rows for target in row.targets]
        with hints.riding(connection, targets) as hint:
            found = publication.store(connection, rows, waits=waits, hint=hint)
        pairs = list(zip(rows, found, strict=True))
        lost = [row.checkpoint for row, got in pairs if got is None]
        standings = self._explain(lost) if lost else {}
        answers = [got or standings[row.checkpoint.place] for row, got in pairs]
        # Also where it turns out to be there: a statement whose answer got lost
        # has told nobody.
        told = [
            (row, answer)
            for row, answer in zip(rows, answers, strict=True)
            if answer.checkpoint and answer.checkpoint.error is None
        ]
        if told:
            signals.publish(
                self.db,
                *(target for row, _ in told for target in row.targets),
                is_hinted=bool(hint) and not lost,
                news=_news(told),
            )
        return answers

    def journal(self, workflow_id: str) -> list[Checkpoint]:
        """Return all checkpoints of a workflow."""
        return [Checkpoint(*row) for row in _JOURNAL(self, workflow=workflow_id)]

    def _explain(
        self, checkpoints: Sequence[Checkpoint]
    ) -> dict[tuple[str, str, int], Recorded]:
        """Say why rows did not go in. A new statement: it sees what won."""
        standings = Workflow.objects.using(self.db).standings(
            {row.workflow_id for row in checkpoints}
        )
        recorded = self._at([row.place for row in checkpoints])
        return {
            row.place: _explained(
                row, standings.get(row.workflow_id), recorded.get(row.place)
            )
            for row in checkpoints
        }

    def _at(
        self, places: Sequence[tuple[str, str, int]]
    ) -> dict[tuple[str, str, int], Checkpoint]:
        condition = Q()
        for workflow_id, branch, step_id in places:
            condition |= Q(workflow_id=workflow_id, branch=branch, step_id=step_id)
        rows = [row.checkpoint() for row in self.filter(condition)]
        return {row.place: row for row in rows}


def _news(told: Sequence[tuple[Publication, Recorded]]) -> dict[signals.Place, int]:
    news: dict[signals.Place, int] = {}
    for row, answer in told:
        if row.watched is not None:
            place = row.checkpoint.workflow_id, row.watched
            signals.gather(news, {place: answer.reached})
    return news


def _explained(
    row: Checkpoint, standing: Standing | None, recorded: Checkpoint | None
) -> Recorded:
    if standing is None or standing.claim != row.claim:
        return Recorded(Verdict.FENCED, standing)
    if recorded is None:
        is_held = standing.status == Status.PENDING
        return Recorded(Verdict.BUSY if is_held else Verdict.STOPPED, standing)
    return Recorded(Verdict.CONFLICT, standing, recorded)


_JOURNAL = Selection(
    lambda rows: rows.filter(workflow_id=compiled.text("workflow")).values_list(
        *Checkpoint._fields
    )
)


class Step(models.Model):
    """One recorded operation of a workflow."""

    class Kind(models.TextChoices):
        STEP = "step", _("step")
        TRANSACTION = "transaction", _("transaction")
        SLEEP = "sleep", _("sleep")
        VALUE = "value", _("value")
        CHILD = "child", _("child")
        START = "start", _("start")
        RESULT = "result", _("result")
        SEND = "send", _("send")
        RECV = "recv", _("recv")
        SET_EVENT = "set_event", _("set event")
        GET_EVENT = "get_event", _("get event")
        WRITE_STREAM = "write_stream", _("write stream")
        CLOSE_STREAM = "close_stream", _("close stream")
        READ_STREAM = "read_stream", _("read stream")
        FIRST_OF = "first_of", _("first of")
        PATCH = "patch", _("patch")

    pk = models.CompositePrimaryKey("workflow_id", "branch", "step_id")
    workflow = models.ForeignKey(
        Workflow,
        models.CASCADE,
        db_constraint=False,
        db_index=False,
        related_name="steps",
    )
    branch = models.TextField(_("branch"), default="", blank=True)
    step_id = models.IntegerField(_("step"))
    name = models.TextField(_("name"))
    kind = models.CharField(_("kind"), max_length=16, choices=Kind)
    output = models.TextField(_("output"), null=True)  # noqa: DJ001
    error = models.TextField(_("error"), null=True)  # noqa: DJ001
    child_id = models.TextField(_("child"), null=True)  # noqa: DJ001
    claim = models.BigIntegerField(_("claim"))
    worker_id = models.UUIDField(_("worker"), null=True)
    started_at = models.DateTimeField(_("started at"))
    completed_at = models.DateTimeField(_("completed at"))

    objects = StepQuerySet.as_manager()

    class Meta:
        verbose_name = _("step")
        verbose_name_plural = _("steps")
        default_permissions = ("view",)
        indexes = [
            # delete(), prune(): whoever may ask for the result of a child.
            models.Index(
                fields=["child_id"],
                name="durable_step_started",
                condition=Q(kind="start"),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.workflow_id}: {self.step_id} {self.name}"

    def checkpoint(self) -> Checkpoint:
        """Return this row as the value that replay works with."""
        values: dict[str, Any] = {
            name: getattr(self, name) for name in Checkpoint._fields
        }
        return Checkpoint(**values)
