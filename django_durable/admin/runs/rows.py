"""A bulk run, as the pages show it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import Q

from django_durable import bulk, conf, serialization
from django_durable.admin import stranded
from django_durable.bulk import PREFIX
from django_durable.bulk.actor import Actor
from django_durable.display import visible
from django_durable.exceptions import SerializationError
from django_durable.models import Event, Workflow
from django_durable.models.workflow import PAYLOADS


@dataclass(frozen=True, slots=True)
class Run:
    """One run with its progress."""

    workflow: Any
    progress: dict[str, Any]

    @property
    def key(self) -> str:
        """Its id without what all of them begin with."""
        return str(self.workflow.pk).removeprefix(PREFIX)

    @property
    def action(self) -> str:
        """What is done to each."""
        return visible(self._fact("action"), limit=20, lines=False)

    @property
    def by(self) -> str:
        """Who wanted it."""
        return visible(self._fact("by"), limit=80, lines=False)

    @property
    def user(self) -> str:
        """The key of who wanted it."""
        return str(self._fact("user"))

    @property
    def reason(self) -> str:
        """Why."""
        return visible(self._fact("reason"), limit=500, lines=False)

    @property
    def queue_name(self) -> str:
        """In which queue what is resumed goes on; nothing where it stays."""
        return visible(self._fact("queue_name"), limit=64, lines=False)

    @property
    def total(self) -> int:
        """For how many it was confirmed."""
        return self._number(self._fact("total"))

    @property
    def done(self) -> int:
        """How many it took."""
        return self._number(self.progress.get("done"))

    @property
    def refused(self) -> int:
        """How many could not be done."""
        return self._number(self.progress.get("refused"))

    @property
    def through(self) -> int:
        """How many it has been at."""
        return self.done + self.refused

    @property
    def left(self) -> int:
        """How many are still to be done: none of one that has ended well."""
        if self.workflow.status == Workflow.Status.SUCCESS:
            return 0
        return max(0, self.total - self.through)

    @property
    def stopped(self) -> str:
        """Why it must not go on: who ordered it may not do that any more."""
        return visible(self.progress.get("stopped", ""), limit=300, lines=False)

    @property
    def reasons(self) -> list[tuple[str, str]]:
        """Why the first of them could not be done, by their ids."""
        found = self.progress.get("reasons")
        return list(found.items()) if isinstance(found, dict) else []

    def _fact(self, name: str) -> Any:
        found = self.workflow.attributes
        return found.get(name, "") if isinstance(found, dict) else ""

    @staticmethod
    def _number(value: Any) -> int:
        return value if isinstance(value, int) else 0


def run(actor: Actor, key: str) -> Run | None:
    """Return one run, if they may see it."""
    rows = rows_of(actor).filter(pk=f"{PREFIX}{key}").defer(*PAYLOADS)
    return next(iter(with_progress(rows)), None)


def may_abort(actor: Actor, run: Run) -> bool:
    """Tell whether they may abort a run: one that they ordered, or may cancel."""
    allowed = actor.model_admin.has_cancel_permission(actor.request, run.workflow)
    return bool(run.user == str(actor.request.user.pk) or allowed)


def with_progress(rows: Iterable[Any]) -> list[Run]:
    """Read the progress of runs by one statement."""
    rows = list(rows)
    events = Event.objects.using(conf.current().database).filter(
        workflow_id__in=[row.pk for row in rows], key=bulk.PROGRESS
    )
    found = dict(events.values_list("workflow_id", "value"))
    stranded.mark(rows)
    return [Run(row, _read(found.get(row.pk))) for row in rows]


def rows_of(actor: Actor) -> Any:
    """Return the runs begun in the console: what they ordered, and may see in lists.

    A run names workflows: a project hides those of others with the others' runs.
    """
    is_run = Q(name=bulk.NAME, pk__startswith=PREFIX)
    own = Q(attributes__user=str(actor.request.user.pk))
    shown = Q(pk__in=actor.rows().filter(is_run).order_by().values("pk"))
    rows = Workflow.objects.using(conf.current().database)
    return rows.filter(is_run).filter(own | shown)


def _read(text: str | None) -> dict[str, Any]:
    try:
        found = serialization.loads(text) if text is not None else None
    except SerializationError:
        return {}
    return found if isinstance(found, dict) else {}
