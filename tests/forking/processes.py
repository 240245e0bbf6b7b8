"""``subprocess`` for programs in Python: they begin with their libraries imported.

Starting an interpreter and importing Django takes half a second of processor time,
forking one that has done so takes a tenth of that.
"""

import atexit
import ctypes
import inspect
import json
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

PR_SET_CHILD_SUBREAPER = 36
SERVER = Path(__file__).with_name("server.py")
# Seconds that an answer may take, the libraries' import included.
PATIENCE = 40

_parameters = inspect.signature(subprocess.Popen._execute_child)


class ForkServer:
    """The process that forks; it is started when the first program asks for it.

    It imports what our processes need, and ``more`` libraries.
    """

    def __init__(self, *more: str) -> None:
        self._more = more
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._owner = 0

    def fork(self, request: dict[str, Any], streams: list[int]) -> int:
        """Have a child of ours forked, and return its process id."""
        message = json.dumps(request).encode()
        with self._lock:
            if self._socket is None or self._owner != os.getpid():
                self._start()
            _adopt_orphans(True)
            try:
                socket.send_fds(self._socket, [message], streams)
                return int(self._socket.recv(20))
            finally:
                _adopt_orphans(False)

    def _start(self) -> None:
        ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.settimeout(PATIENCE)
        process = subprocess.Popen(
            [sys.executable, SERVER, str(its.fileno()), *self._more],
            pass_fds=[its.fileno()],
            # Libraries have their bytecode beside them.
            env={**os.environ, "PYTHONPATH": "", "PYTHONPYCACHEPREFIX": ""},
        )
        its.close()
        self._socket, self._owner = ours, os.getpid()
        atexit.register(self._end, process)

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        if self._owner == os.getpid():
            self._socket.close()
            process.wait(PATIENCE)


class Popen(subprocess.Popen):
    """As ``subprocess.Popen([sys.executable, …])``, with arguments for Python only."""

    server = ForkServer()

    def __init__(self, arguments: list[Any], **options: Any) -> None:
        super().__init__([sys.executable, *map(str, arguments)], **options)

    def _execute_child(self, *given: Any) -> None:
        """Fork instead of executing; where orphans are not adopted, execute."""
        if sys.platform != "linux":
            super()._execute_child(*given)
            return
        known = _parameters.bind(self, *given).arguments
        ends = [known[end] for end in ("p2cread", "c2pwrite", "errwrite")]
        streams = [own if end == -1 else end for own, end in enumerate(ends)]
        request = {
            "arguments": known["args"][1:],
            "cwd": str(known["cwd"] or os.getcwd()),
            "env": dict(os.environ if known["env"] is None else known["env"]),
            "session": known["start_new_session"],
        }
        self.pid = self.server.fork(request, streams)
        self._child_created = True
        names = ("p2cread", "p2cwrite", "c2pread", "c2pwrite", "errread", "errwrite")
        self._close_pipe_fds(*[known[name] for name in names])


def run(arguments: list[Any], **options: Any) -> subprocess.CompletedProcess[Any]:
    """As ``subprocess.run([sys.executable, …])``, as far as the tests need it."""
    given, timeout = options.pop("input", None), options.pop("timeout")
    if options.pop("capture_output", False):
        options.update(stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if given is not None:
        options["stdin"] = subprocess.PIPE
    with Popen(arguments, **options) as process:
        try:
            out, err = process.communicate(given, timeout)
        except BaseException:
            process.kill()
            raise
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def _adopt_orphans(is_wanted: bool) -> None:
    """Be the parent of processes whose own parent has ended, or no longer."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, int(is_wanted), 0, 0, 0)
