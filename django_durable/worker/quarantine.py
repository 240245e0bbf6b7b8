"""Workflows that workers died of run alone, in a process of their own."""

import logging
import socket
from collections.abc import Collection, Sequence

from django_durable.models import Worker, Workflow
from django_durable.worker.processes import Child, start_child

logger = logging.getLogger("django_durable")


class Quarantine:
    """Keeps one child process while there are suspects; it takes one at a time."""

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
        suspect = Workflow.objects.using(self._using).first_suspect(definitions, queues)
        if suspect is not None:
            logger.warning(
                "Workflow %s was running when workers died: it runs alone", suspect
            )
            arguments = ["--alone", suspect]
            if queues is not None:
                arguments += ["--queues", ",".join(queues)]
            self._child = start_child(arguments)

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
