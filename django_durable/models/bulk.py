"""The operations on many workflows: in batches, each workflow by itself."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, TypeVar

from django.db.models import Q

from django_durable import clock
from django_durable.exceptions import InvalidTransition, WorkflowNotFound
from django_durable.models.deletion import DeletionQuerySet
from django_durable.models.forks import ForkOptions, ForkQuerySet
from django_durable.names import check_queue_name

# Ids that one look fetches: memory stays flat for any number of rows.
BATCH = 500

F = TypeVar("F", bound=Callable[..., Any])


def _on_querysets_only(method: F) -> F:
    """Keep a method from the manager: Workflow.objects.cancel() would cancel all."""
    method.queryset_only = True  # type: ignore[attr-defined]
    method.alters_data = True  # type: ignore[attr-defined]
    return method


class BulkQuerySet(ForkQuerySet, DeletionQuerySet):  # type: ignore[override]
    """What an operator does to many workflows at once.

    Those whose status forbids it are passed over. No transaction is longer than
    that of one workflow, or one batch: what is done when it stops stays done.
    """

    @_on_querysets_only
    def cancel(self, reason: str = "") -> int:
        """Cancel each of these with its children; return how many it took."""
        workflows = self._workflows()
        return self._each(lambda pk: workflows.cancel_one(pk, reason))

    @_on_querysets_only
    def resume(self, *, queue_name: str | None = None) -> int:
        """Resume each of these that can be; return how many went on."""
        if queue_name is not None:
            check_queue_name(queue_name)
        workflows = self._workflows()
        return self._each(
            lambda pk: workflows.resume_one(pk, queue_name=queue_name) is None
        )

    @_on_querysets_only
    def restart(self, *, queue_name: str | None = None) -> int:
        """Start each of these anew, under new ids; return how many."""
        workflows, options = self._workflows(), ForkOptions(queue_name=queue_name)
        return self._each(lambda pk: workflows.restart_one(pk, options)[1])

    @_on_querysets_only
    def fork(
        self,
        from_step: int,
        *,
        branch: str = "",
        queue_name: str | None = None,
        version: str | None = None,
    ) -> int:
        """Fork each of these that has recorded the steps before; return how many."""
        workflows = self._workflows()
        options = ForkOptions(queue_name=queue_name, version=version)

        def fork(pk: str) -> bool:
            forked = workflows.fork_one(pk, from_step, branch=branch, options=options)
            return bool(forked[1])

        return self._each(fork)

    @_on_querysets_only
    def delete(self) -> tuple[int, dict[str, int]]:
        """Delete those of these that have ended, with their finished children.

        Returns what Django's own does: the number of rows, and of each model's.
        """
        deleted: Counter[str] = Counter()
        for ids in self._in_batches():
            deleted += self._workflows().delete_some(ids)
        return deleted.total(), dict(deleted)

    def _workflows(self) -> Any:
        self._for_write = True  # Also what is looked for: a replica may be late.
        return self.model._default_manager.using(self.db).all()

    def _each(self, act: Callable[[str], bool]) -> int:
        took = 0
        for ids in self._in_batches():
            for pk in ids:
                with suppress(WorkflowNotFound, InvalidTransition):
                    took += act(pk)
        return took

    def _in_batches(self) -> Iterator[list[str]]:
        """Yield the ids, as they are at each look; none that came out of these."""
        self._for_write = True
        if self.query.is_sliced or self.query.combinator:
            ids = list(self.values_list("pk", flat=True))
            yield from (ids[n : n + BATCH] for n in range(0, len(ids), BATCH))
            return
        new = Q(forked_from__isnull=False, created_at__gte=clock.now())
        rows = self.filter(~new).order_by("pk").values_list("pk", flat=True)
        ids = list(rows[:BATCH])
        while ids:
            yield ids
            ids = list(rows.filter(pk__gt=ids[-1])[:BATCH])
