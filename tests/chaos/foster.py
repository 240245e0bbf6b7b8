"""Child processes of a worker that the zygote forks: a worker itself has threads."""

import json
import os
import select
import signal
import socket
import subprocess
from collections.abc import Sequence
from contextlib import suppress

from django.conf import settings

from django_durable.worker import quarantine

# A worker sends its wishes to one end, the zygote reads them at the other.
WISHES, ASKED = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)


def install() -> None:
    """In a worker: have the children of quarantines forked."""
    ASKED.close()
    quarantine.start_child = FosterChild


class FosterChild:
    """To a worker, the same as its ``Child``: a process that ends with it.

    One pipe is the lifeline, the other brings process id and exit code.
    """

    def __init__(self, arguments: Sequence[str]) -> None:
        request = {"options": arguments, "durable": settings.DURABLE, "faults": ""}
        reading, self.lifeline = os.pipe()
        hearing, telling = os.pipe()
        socket.send_fds(WISHES, [json.dumps(request).encode()], [reading, telling])
        os.close(reading)
        os.close(telling)
        self._news = os.fdopen(hearing)
        self.pid = int(self._news.readline())
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Return the exit code, None while it runs."""
        return self._look(0)

    def wait(self, timeout: float) -> int:
        """Return the exit code as soon as there is one."""
        if self._look(timeout) is None:
            raise subprocess.TimeoutExpired("a foster child", timeout)
        return self.returncode

    def terminate(self) -> None:
        """Ask it to leave."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGTERM)

    def let_go(self) -> None:
        """Close the pipes of a child that has ended."""
        self._news.close()
        if self.lifeline >= 0:
            os.close(self.lifeline)
            self.lifeline = -1

    def _look(self, seconds: float) -> int | None:
        if self.returncode is None and select.select([self._news], [], [], seconds)[0]:
            self.returncode = int(self._news.readline() or -signal.SIGKILL)
        return self.returncode
