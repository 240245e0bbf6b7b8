"""Workflows that workers died of run alone, in a process of their own."""

import contextlib
import logging
import os
import socket
import subprocess
from collections.abc import Collection, Sequence
from uuid import UUID

from django.db.models import Exists, OuterRef

from django_durable import clock
from django_durable.models import Worker, Workflow
from django_durable.models.status import Status
from django_durable.worker.processes import Child, start_child

logger = logging.getLogger("django_durable")

# How much longer than the drain a child may take to leave.
LEAVING_SECONDS = 2.0


class Quarantine:
    """Keeps one child process while there are suspects; it takes one at a time."""

    def __init__(self, using: str, drain_seconds: float) -> None:
        self._using = using
        self._drain_seconds = drain_seconds
        self._child: Child | None = None
        self._asked: Child | None = None
        self._leaves_until = 0.0

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
            self._child.let_go()
            self._child = None
        suspect = Workflow.objects.using(self._using).first_suspect(definitions, queues)
        if suspect is not None and not self._is_cared_for():
            logger.warning(
                "Workflow %s was running when workers died: it runs alone",
                suspect,
                extra={"workflow_id": suspect},
            )
            arguments = ["--alone", suspect, f"--drain={self._drain_seconds}"]
            if queues is not None:
                arguments += ["--queues", ",".join(queues)]
            self._child = start_child(arguments)
            # Until the child has registered, so that others do not start one too.
            Worker.objects.using(self._using).register(
                Worker.Kind.QUARANTINE, queues=queues, pid=self._child.pid
            )

    def request_stop(self) -> None:
        """Let the child hand over what it executes; returns at once."""
        if self._child is None or self._child is self._asked:
            return  # A second signal would mean "at once".
        self._asked = self._child
        self._leaves_until = clock.monotonic() + self._drain_seconds + LEAVING_SECONDS
        self._child.terminate()

    def close(self) -> None:
        """Stop the child and wait for its end: it must not outlive its parent.

        Whoever ends the parent's container would kill it in the middle, and
        that would count as a death of its workflow.
        """
        self.request_stop()
        if self._child is not None:
            left = self._leaves_until - clock.monotonic()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._child.wait(max(0.0, left))
            self._child.let_go()

    def _is_cared_for(self) -> bool:
        """Tell whether there are as many children with free hands as suspects."""
        workflows = Workflow.objects.using(self._using)
        busy = workflows.filter(worker=OuterRef("pk"), status=Status.PENDING)
        children = Worker.objects.using(self._using).live()
        free = children.filter(~Exists(busy), kind=Worker.Kind.QUARANTINE)
        return free.count() >= workflows.suspects().count()

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


def has_come_so_far(using: str, worker_id: UUID) -> None:
    """In a child that has registered: its parent need not answer for it any more."""
    ours = Worker.objects.using(using).filter(
        host=socket.gethostname(), pid=os.getpid(), kind=Worker.Kind.QUARANTINE
    )
    ours.exclude(pk=worker_id).delete()
