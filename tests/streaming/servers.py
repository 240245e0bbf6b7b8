"""Real servers of sockets: a process each, reached by plain clients."""

import json
import os
import socket
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

from tests import forking
from tests.journeys.processes import ROOT, database_url

PATIENCE = 25
# Servers live as long as the session: their connections are no worker's.
APPLICATION = "streaming"

# Seconds that the protocol sets in tens.
HASTY = {
    "STREAM_HEARTBEAT": 0.4,
    "STREAM_ACK_TIMEOUT": 0.3,
    "STREAM_RECHECK": 0.2,
    "STREAM_SOCKETS_PER_USER": 2,
    "STREAM_SOCKETS": 4,
    "STREAM_MESSAGE_RATE": 20,
    "STREAM_WINDOW_BYTES": 2000,
}
COMMANDS = {
    "uvicorn": [
        *("-m", "uvicorn", "--log-level", "warning", "--host", "127.0.0.1"),
        *("--ws", "websockets-sansio", "--ws-max-size", "65536"),
        *("--ws-per-message-deflate", "false", "--port"),
    ],
    "daphne": ["-m", "daphne", "-v", "0", "-b", "127.0.0.1", "-p"],
}


class Server:
    """One server, and what it has logged."""

    def __init__(self, kind, port, process, log, layers=None):
        self.kind, self.port, self.process, self._log = kind, port, process, log
        self.layers = layers or {}

    @property
    def log(self):
        return self._log.read_text(errors="replace")

    def is_up(self):
        assert self.process.poll() is None, self.log
        return is_open(self.port)

    def memory(self):
        """Return the bytes of memory that the process uses."""
        pages = Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")


@contextmanager
def running(
    kind,
    directory,
    *,
    settings=None,
    layers=None,
    application="tests.streaming.asgi",
    **variables,
):
    """Run a server on the test database for a block.

    Other ``variables`` of the environment may lead it elsewhere.
    """
    port = free_port()
    log = directory / f"{kind}-{port}.log"
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "tests.streaming.settings",
        "DATABASE_URL": database_url(APPLICATION),
        "PYTHONPATH": str(ROOT),
        "STREAMING_SETTINGS": json.dumps(settings or {}),
        "STREAMING_LAYERS": json.dumps(layers or {}),
        **variables,
    }
    command = [*COMMANDS[kind], str(port), f"{application}:application"]
    with log.open("wb") as output:
        process = forking.Popen(
            command,
            cwd=ROOT,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    server = Server(kind, port, process, log, layers)
    try:
        wait_until(server.is_up, f"a start of {kind}")
        yield server
    finally:
        process.kill()
        process.wait()


@contextmanager
def running_redis(program, directory):
    """Run Redis for a block; yield its port."""
    port = free_port()
    process = subprocess.Popen(
        [program, "--port", str(port), "--save", "", "--dir", str(directory)],
        stdout=subprocess.DEVNULL,
    )
    try:
        wait_until(lambda: is_open(port), "a start of Redis")
        yield port
    finally:
        process.kill()
        process.wait()


def is_open(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until(condition, what):
    give_up_at = time.monotonic() + PATIENCE
    while not (found := condition()):
        assert time.monotonic() < give_up_at, f"Not in time: {what}"
        time.sleep(0.01)
    return found
