"""Fixtures of the clients: processes that have a database URL, and no settings."""

import json
import os
import textwrap

import pytest

from tests import forking
from tests.journeys.conftest import bounded, processes, server
from tests.journeys.processes import ROOT, Process, database_url

__all__ = ["bounded", "client", "processes", "server", "shop_worker"]

# A process of the tests' own: its connections are told from those of others.
CLIENT = "durable_client"

PREAMBLE = """
import json, os, sys
import django_durable as durable

URL = os.environ["CLIENT_URL"]

def tell(*words):
    print(json.dumps(words), flush=True)
"""


def client_url():
    """Return the URL of the test's database, as a client is given it."""
    return database_url(CLIENT)


class Clients:
    """Runs Python programs that know nothing but a database URL."""

    def __init__(self, directory):
        self._directory = directory
        self._started = []

    def run(self, code, **environment):
        """Run a program to its end; return what it has told, in order."""
        done = forking.run(
            self._arguments(code),
            env=self._environment(environment),
            cwd=self._directory,
            capture_output=True,
            text=True,
            timeout=40,
        )
        assert done.returncode == 0, done.stderr
        # Nothing was left open, and nothing was logged that nobody asked for.
        assert done.stderr == ""
        return [json.loads(line) for line in done.stdout.splitlines()]

    def start(self, code, **environment):
        """Start a program, which goes on beside the test."""
        log = self._directory / f"client-{len(self._started) + 1}.log"
        environment = self._environment(environment)
        process = Process(self._arguments(code), environment, log)
        self._started.append(process)
        return process

    def close(self):
        """End all that still run; show what each has said."""
        for process in self._started:
            if process.is_running:
                process.kill()
            print(f"---- client, pid {process.pid}\n{process.log}")

    def _arguments(self, code):
        return ["-W", "error", "-c", PREAMBLE + textwrap.dedent(code)]

    def _environment(self, more):
        known = {
            key: value
            for key, value in os.environ.items()
            if key not in ("DJANGO_SETTINGS_MODULE", "DATABASE_URL", "TZ")
        }
        return {
            **known,
            "CLIENT_URL": client_url(),
            "PYTHONPATH": str(ROOT),
            "PYTHONUNBUFFERED": "1",
            **more,
        }


@pytest.fixture
def client(transactional_db, tmp_path):
    """Run programs that are no Django projects on the test's database."""
    clients = Clients(tmp_path)
    yield clients
    clients.close()


@pytest.fixture
def shop_worker(processes):
    """Start a real worker that has the workflows of the shop."""
    return processes.worker(JOURNEY_MODULE="tests.client.workflows")
