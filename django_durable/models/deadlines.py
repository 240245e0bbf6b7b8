"""What time-outs end: workflows whose deadline has passed are cancelled."""

from datetime import datetime

from django.db import OperationalError, connections, transaction

from django_durable import clock
from django_durable.models import compiled, faults, sql
from django_durable.models.compiled import Rows, Selection
from django_durable.models.status import ACTIVE, DEADLINE_REASON
from django_durable.models.transitions import TransitionQuerySet

# How many deadlines one look of a timer takes; the next one follows at once.
BATCH = 100


class DeadlineQuerySet(TransitionQuerySet):
    """The cancellations that nobody asks for."""

    def overdue(self) -> Rows:
        """Keep the active workflows whose deadline has passed."""
        return self.filter(status__in=ACTIVE, deadline__lte=clock.now())

    def cancel_overdue(self) -> int:
        """Cancel what has missed its deadline, with its children; return how many.

        Some at a time. Of two processes that do this one takes each; a row that
        somebody holds locked is left for the next look.
        """
        took = 0
        for (pk,) in _OVERDUE(self, now=clock.now()):
            took += self._cancel_from_the_top(pk, is_patient=False)
        return took

    def cancel_if_overdue(self, workflow_id: str) -> int:
        """Cancel one whose deadline has passed; return how many that took.

        Where its parent's has passed as well, from there on, so that they can be
        resumed together.
        """
        return self._cancel_from_the_top(workflow_id, is_patient=True)

    def _cancel_from_the_top(self, workflow_id: str, *, is_patient: bool) -> int:
        connection, now = connections[self.db], clock.now()
        try:
            with transaction.atomic(using=self.db):
                sql.read_committed(connection)
                sql.limit_lock_wait(connection)
                top = self._topmost_overdue(workflow_id, now)
                if not self._lock_overdue(top, now, is_patient=is_patient):
                    return 0
                return len(self._cancel_tree(top, DEADLINE_REASON))
        except OperationalError as error:
            if is_patient or faults.classify(error) is not faults.Fault.CONFLICT:
                raise
            return 0  # Another transaction holds a row of the tree.

    def _topmost_overdue(self, workflow_id: str, now: datetime) -> str:
        """Return the id of a workflow, or of its oldest ancestor that is overdue."""
        top, parent = workflow_id, self._parent(workflow_id)
        overdue = self.filter(status__in=ACTIVE, deadline__lte=now)
        while parent is not None and overdue.filter(pk=parent).exists():
            top, parent = parent, self._parent(parent)
        return top

    def _parent(self, workflow_id: str) -> str | None:
        return self.filter(pk=workflow_id).values_list("parent_id", flat=True).first()

    def _lock_overdue(self, pk: str, now: datetime, *, is_patient: bool) -> bool:
        """Lock a row that is still overdue: a person may have been faster."""
        rows = self.filter(pk=pk, status__in=ACTIVE, deadline__lte=now)
        features = connections[self.db].features
        if features.has_select_for_update:
            skips = not is_patient and features.has_select_for_update_skip_locked
            rows = rows.select_for_update(skip_locked=skips, no_key=True)
        return rows.values_list("pk").first() is not None


_NOW = compiled.moment("now")
_OVERDUE = Selection(
    lambda rows: (
        rows.filter(status__in=ACTIVE, deadline__isnull=False, deadline__lte=_NOW)
        .order_by("deadline")  # The order of its index, for any plan that is kept.
        .values_list("pk")[:BATCH]
    )
)
