"""Real processes that execute workflows: started, killed, paused, always ended."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote, urlencode

from django.db import connections, transaction

from django_durable.models import Worker
from tests import forking

T = TypeVar("T")

ROOT = Path(__file__).resolve().parents[2]
APPLICATION = "journey"

# Seconds that nothing takes, however busy the machine: a bound, never a measurement.
PATIENCE = 25
# The same where it has to be told apart from a drain of 30 seconds.
AT_ONCE = 10
# Where a lease is not the matter, a process that had to wait is not to lose it.
PATIENT = {"JOURNEY_LEASE": "60"}


def wait_until(
    condition: Callable[[], T], what: str = "", *, timeout: float = PATIENCE
) -> T:
    """Return the first true value of ``condition()``, or fail."""
    give_up_at = time.monotonic() + timeout
    while not (found := condition()):
        if time.monotonic() > give_up_at:
            raise AssertionError(f"Not within {timeout} seconds: {what or condition}")
        time.sleep(0.02)
    return found


def is_alive(pid: int) -> bool:
    """Tell whether a process of that number runs; a zombie of ours does not."""
    with suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def children_of(pid: int) -> list[int]:
    """Return the processes that a process has started, where the system tells.

    Elsewhere they end a little later, by themselves.
    """
    path = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(child) for child in path.read_text().split()] if path.exists() else []


def database_url(application: str = APPLICATION) -> str:
    """Return the URL of the test database, as this very process uses it.

    PostgreSQL calls the connections by the name of the ``application``.
    """
    settings = connections["default"].settings_dict
    if connections["default"].vendor == "sqlite":
        return f"sqlite:///{settings['NAME']}"
    user = ":".join(quote(settings[key]) for key in ("USER", "PASSWORD"))
    place = f"{settings['HOST']}:{settings['PORT']}".rstrip(":")
    known = {k: v for k, v in settings["OPTIONS"].items() if isinstance(v, str | int)}
    options = urlencode({**known, "application_name": application})
    return f"postgresql://{user}@{place}/{settings['NAME']}?{options}"


def environment(directory: Path, **more: str) -> dict[str, str]:
    """Return what a process has to know of this test and its database."""
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "tests.journeys.settings",
        "DATABASE_URL": database_url(),
        "JOURNEY_DIRECTORY": str(directory),
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(directory)]),
        "PYTHONUNBUFFERED": "1",
        **more,
    }


class Process:
    """One process with a log of its own."""

    def __init__(self, arguments: Sequence[str], environment: dict, log: Path) -> None:
        self._log = log
        with log.open("wb") as output:
            self._process = forking.Popen(
                arguments,
                cwd=ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """The number of the process."""
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Tell whether it has not ended."""
        return self._process.poll() is None

    @property
    def log(self) -> str:
        """What it has said so far."""
        return self._log.read_text(errors="replace")

    def wait_for(self, text: str, *, timeout: float = PATIENCE) -> None:
        """Wait until it has said ``text``."""
        wait_until(lambda: text in self.log, f"log says {text!r}", timeout=timeout)

    def signal(self, number: int) -> None:
        """Send a signal to this process alone."""
        self._process.send_signal(number)

    def freeze(self) -> None:
        """Stop it while it writes nothing: a file would stay locked for everybody."""
        with transaction.atomic():
            self.signal(signal.SIGSTOP)
            os.waitpid(self.pid, os.WUNTRACED)

    def signal_group(self, number: int) -> None:
        """Send a signal to its process group, as a terminal does at Ctrl-C."""
        os.killpg(self.pid, number)

    def kill(self) -> None:
        """End it as a crash does."""
        self._process.kill()
        self._process.wait()

    def ended(self, *, timeout: float = PATIENCE) -> int:
        """Wait for its end and return its exit code."""
        return self._process.wait(timeout=timeout)


class Processes:
    """Starts the processes of one test, and leaves none of them behind."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._all: list[Process] = []

    def worker(self, *options: str, is_ready: bool = True, **settings: str) -> Process:
        """Start ``run_workflows``; return when it has registered."""
        process = self.start("-m", "django", "run_workflows", *options, **settings)
        if is_ready:
            process.wait_for("started:")
        return process

    def start(self, *arguments: str, **settings: str) -> Process:
        """Start Python on the test's database, with more in its environment."""
        log = self._directory / f"process-{len(self._all) + 1}.log"
        process = Process(arguments, environment(self._directory, **settings), log)
        self._all.append(process)
        return process

    def close(self) -> None:
        """Kill all that runs, wait for the processes that those had started."""
        for process in self._all:
            if process.is_running:
                children = children_of(process.pid)
                process.kill()
                for child in children:
                    with suppress(ProcessLookupError):
                        os.kill(child, signal.SIGKILL)
        pids = set(Worker.objects.values_list("pid", flat=True)) - {os.getpid()}
        wait_until(lambda: not any(map(is_alive, pids)), f"the end of {pids}")

    def print_logs(self) -> None:
        """Print what each said; pytest shows it when the test has failed."""
        for number, process in enumerate(self._all, start=1):
            print(f"---- process {number}, pid {process.pid}\n{process.log}")
