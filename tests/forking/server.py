"""The fork server: has imported the libraries, and becomes any Python program.

Run by its path with the descriptor of a socket, and the names of more libraries than
our processes need. A request is one datagram, ``{"arguments": […], "cwd": …,
"env": {…}, "session": bool}`` as ``python`` is given them, with the descriptors of the
new process's standard streams; the answer is its process id. The server has no
settings, no connections, no threads and none of our own code, so that a program finds
what it would find in a new interpreter. It ends with the other end of the socket.
"""

import atexit
import builtins
import gc
import importlib
import io
import json
import os
import runpy
import signal
import socket
import sys
import types
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress

# What our processes import, as far as no settings are needed for that.
LIBRARIES = """
asgiref.sync asgiref.server asyncio click concurrent.futures.thread csv decimal
django.apps.registry django.contrib.auth.hashers django.contrib.auth.signals
django.core.cache django.core.checks django.core.files.storage django.core.mail
django.core.management.commands.check django.core.management.commands.migrate
django.core.serializers.json django.core.validators
django.db.backends.postgresql.base django.db.backends.sqlite3.base
django.db.migrations.executor django.db.models django.forms django.http
django.template.loader django.template.backends.django django.test.signals
django.urls django.utils.autoreload django.utils.log django.views.debug
email.mime.text environ h11 http.server ipaddress logging.config multiprocessing
psycopg psycopg.types.json psycopg_pool sqlite3 tempfile urllib.request uuid
uvicorn uvicorn.config uvicorn.main uvicorn.protocols.http.h11_impl websockets
zoneinfo
"""


def main() -> None:
    """Serve, and in each child run what was asked for; SystemExit goes through."""
    end = End()
    atexit.register(end.come)  # Before all libraries, and so the last thing done.
    sys.path.pop(0)  # Where this file is.
    door = socket.socket(fileno=int(sys.argv[1]))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for library in (*LIBRARIES.split(), *sys.argv[2:]):
        with suppress(ImportError):  # Not all of them have to be installed.
            importlib.import_module(library)
    gc.collect()
    gc.freeze()
    request = served(door)
    if request is not None:
        door.close()
        with end.expected():
            become(**request)


class End:
    """The end of a program: without tidying up its memory, which takes long."""

    def __init__(self) -> None:
        self.code: object = None

    @contextmanager
    def expected(self) -> Iterator[None]:
        """Note with which code the program ends, unless an error ends it."""
        try:
            yield
        except SystemExit as ending:
            self.code = ending.code or 0
            raise
        self.code = 0

    def come(self) -> None:
        """End at once; nothing has to be done but what is written."""
        if isinstance(self.code, int):
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(self.code & 0xFF)


def served(door: socket.socket) -> dict | None:
    """Answer until there is nobody any more; in a child, return its request."""
    while True:
        message, descriptors, _, _ = socket.recv_fds(door, 1 << 20, 3)
        if not message:
            return None
        pid = orphan()
        if not pid:
            for stream, descriptor in enumerate(descriptors):
                os.dup2(descriptor, stream)
                os.close(descriptor)
            return json.loads(message)
        for descriptor in descriptors:
            os.close(descriptor)
        door.send(b"%d" % pid)


def orphan() -> int:
    """Fork twice, so that whoever adopts orphans is the parent; return as fork()."""
    reading, writing = os.pipe()
    middle = os.fork()
    if middle:
        os.close(writing)
        os.waitpid(middle, 0)
        with open(reading, "rb") as told:
            return int(told.read())
    os.close(reading)
    if pid := os.fork():
        os.write(writing, b"%d" % pid)
        os._exit(0)
    os.close(writing)
    return 0


def become(
    arguments: list[str], cwd: str, env: dict[str, str], *, session: bool
) -> None:
    """Be a new interpreter that was started with these arguments."""
    if session:
        os.setsid()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGQUIT, signal.SIG_DFL)  # Whatever a shell has done.
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(env)
    sys.dont_write_bytecode = bool(env.get("PYTHONDONTWRITEBYTECODE"))
    sys.pycache_prefix = env.get("PYTHONPYCACHEPREFIX") or None
    open_streams(env)
    while arguments[0] == "-W":
        warnings.simplefilter(arguments[1])
        sys.warnoptions.append(arguments[1])
        arguments = arguments[2:]
    run(*arguments)


def open_streams(env: dict[str, str]) -> None:
    """Make the standard streams anew, as their environment wants them."""
    encoding = env.get("PYTHONIOENCODING") or "utf-8"
    is_unbuffered = bool(env.get("PYTHONUNBUFFERED"))
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        raw = open(number, "wb" if number else "rb", 0, closefd=False)  # noqa: SIM115
        wrap = io.BufferedWriter if number else io.BufferedReader
        errors = "backslashreplace" if name == "stderr" else "strict"
        stream = io.TextIOWrapper(
            raw if number and is_unbuffered else wrap(raw),
            encoding,
            errors,
            line_buffering=name == "stderr" or raw.isatty(),
            write_through=is_unbuffered,
        )
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)


def run(what: str, *arguments: str) -> None:
    """Run ``-m MODULE``, ``-c CODE`` or a file."""
    path = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    importlib.invalidate_caches()
    if what == "-c":
        sys.path[:0] = ["", *filter(None, path)]
        sys.argv = ["-c", *arguments[1:]]
        module = types.ModuleType("__main__")
        module.__builtins__ = builtins
        sys.modules["__main__"] = module
        exec(compile(arguments[0], "<string>", "exec"), module.__dict__)
    elif what == "-m":
        sys.path[:0] = [os.getcwd(), *filter(None, path)]
        sys.argv = [what, *arguments[1:]]
        runpy.run_module(arguments[0], run_name="__main__", alter_sys=True)
    else:
        sys.path[:0] = [os.path.dirname(os.path.abspath(what)), *filter(None, path)]
        sys.argv = [what, *arguments]
        runpy.run_path(what, run_name="__main__")


if __name__ == "__main__":
    main()
