"""A process that has everything imported, and forks a worker for each request.

So a worker starts in milliseconds. A request is a line of JSON on standard input,
``{"options": […], "durable": {…}, "faults": "…"}``, and for a process that is no
worker ``"calls"``, with the dotted path of a function. It is answered on standard
output by ``["forked", PID]``, and at the end of that process ``["ended", PID,
CODE, TIME]`` follows. The zygote has no threads and no connections to leave to
its children, and takes all of them along when its standard input ends.
"""

import contextlib
import ctypes
import gc
import json
import os
import select
import signal
import socket
import sys
import time
import traceback
from typing import NoReturn

from django.conf import settings
from django.core.management import call_command
from django.utils.module_loading import import_string

from django_durable.definitions import registry
from django_durable.management.commands import run_workflows
from django_durable.worker.processes import PARENT_FD
from tests.chaos import faults, foster
from tests.journeys.processes import children_of

PR_SET_CHILD_SUBREAPER = 36


class Zygote:
    """Forks, reaps and tells."""

    def __init__(self, log: str) -> None:
        self._log = os.open(log, os.O_APPEND | os.O_CREAT | os.O_WRONLY, 0o644)
        self._lifeline, self._life = os.pipe()
        self._wake, self._ring = os.pipe()
        self._rest = b""
        self._answers: dict[int, int] = {}
        self._running: set[int] = set()
        os.set_blocking(self._ring, False)
        signal.set_wakeup_fd(self._ring, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        _adopt_orphans()
        # What every worker would find out for itself.
        assert all(definition.version for definition in registry.all_definitions())
        gc.freeze()

    def run(self) -> None:
        """Serve until standard input ends."""
        while True:
            readable, _, _ = select.select([0, self._wake, foster.ASKED], [], [])
            if self._wake in readable:
                os.read(self._wake, 4096)
                self._reap()
            if foster.ASKED in readable:
                self._foster()
            if 0 in readable and not self._serve(os.read(0, 65536)):
                return

    def end(self) -> None:
        """Kill what still runs, the processes of our workers included."""
        while running := self._running.union(children_of(os.getpid())):
            for pid in running:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.01)
            self._reap()

    def _serve(self, data: bytes) -> bool:
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            _tell("forked", self._fork(json.loads(line), self._lifeline))
        return bool(data)

    def _foster(self) -> None:
        """Fork a child of a worker, which is to end with it."""
        wish, fds, _, _ = socket.recv_fds(foster.ASKED, 65536, 2)
        lifeline, answer = fds
        pid = self._fork(json.loads(wish), lifeline)
        os.close(lifeline)
        self._answers[pid] = answer
        self._answer(pid, pid)

    def _answer(self, pid: int, number: int) -> None:
        with contextlib.suppress(BrokenPipeError):  # Its parent has gone.
            os.write(self._answers[pid], b"%d\n" % number)

    def _fork(self, request: dict, lifeline: int) -> int:
        pid = os.fork()
        if not pid:
            self._become_worker(request, lifeline)
        self._running.add(pid)
        return pid

    def _reap(self) -> None:
        with contextlib.suppress(ChildProcessError):
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if not pid:
                    return
                self._running.discard(pid)
                code = os.waitstatus_to_exitcode(status)
                _tell("ended", pid, code, time.time())
                if pid in self._answers:
                    self._answer(pid, code)
                    os.close(self._answers.pop(pid))

    def _become_worker(self, request: dict, lifeline: int) -> NoReturn:
        code = 1
        try:
            self._leave_parent()
            os.environ[PARENT_FD] = str(lifeline)
            foster.install()
            settings.DURABLE = {**settings.DURABLE, **request["durable"]}
            faults.install(request["faults"])
            if calls := request.get("calls"):
                import_string(calls)(*request["options"])
            else:
                call_command(run_workflows.Command(), *request["options"])
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(code)

    def _leave_parent(self) -> None:
        os.setsid()
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        nothing = os.open(os.devnull, os.O_RDONLY)
        for ours, its in ((nothing, 0), (self._log, 1), (self._log, 2)):
            os.dup2(ours, its)
        for inherited in (nothing, self._log, self._life, self._wake, self._ring):
            os.close(inherited)


def _tell(*words: object) -> None:
    with contextlib.suppress(BrokenPipeError):
        os.write(1, json.dumps(words).encode() + b"\n")


def _adopt_orphans() -> None:
    """Become the parent of processes whose parent dies, where Linux allows it."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
