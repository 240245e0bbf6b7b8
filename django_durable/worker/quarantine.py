"""Workflows that workers died of run alone, in a process of their own."""

import logging
import socket
from collections.abc import Collection, Sequence

from django_durable.models import Worker, Workflow
from django_durable.models.code import runnable
from django_durable.worker.processes import Child, start_child

logger = logging.getLogger("django_durable")


class Quarantine:
    """Starts one child process at a time for one suspect workflow."""

    def __init__(self, using: str) -> None:
        self._using = using
        self._child: Child | None = None

    def look(
        self,
        definitions: Collection[tuple[str, str]],
        queues: Sequence[str] | None,
    ) -> None:
        """Bury a child that has ended, and start one for the next suspect."""
        if self._child is not None:
            if self._child.poll() is None:
                return
            self._bury(self._child)
            self._child = None
        ready = Workflow.objects.using(self._using).suspects()
        ready = ready.filter(runnable(definitions)).order_by("run_after")
        if queues is not None:
            ready = ready.filter(queue_name__in=queues)
        suspect = ready.values_list("pk", flat=True).first()
        if suspect is not None:
            logger.warning(
                "Workflow %s was running when workers died: it runs alone", suspect
            )
            self._child = start_child(["--alone", suspect])

    def close(self) -> None:
        """Stop the child; it hands over what it executes."""
        if self._child is not None:
            self._child.terminate()

    def _bury(self, child: Child) -> None:
        """Do not wait for the lease of a child that is known to be dead."""
        if child.returncode == 0:
            return
        workers = Worker.objects.using(self._using).filter(
            host=socket.gethostname(),
            pid=child.pid,
            kind=Worker.Kind.QUARANTINE,
            state__in=Worker.LIVE_STATES,
        )
        workers.update(state=Worker.State.DEAD)
