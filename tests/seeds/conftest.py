"""Fixtures for the counterparts of the source documents' programs."""

import json
import os

import pytest

from tests import forking
from tests.command_line import cli
from tests.journeys.processes import ROOT, database_url
from tests.running import PATIENCE

__all__ = ["cli", "external"]


@pytest.fixture
def external():
    """Return a function that runs a program of ``outside`` in a process of its own.

    The process has no settings: it is told the URL of the test's database only.
    """

    def external(program, *arguments):
        unwanted = ("DJANGO_SETTINGS_MODULE", "DATABASE_URL")
        environment = {k: v for k, v in os.environ.items() if k not in unwanted}
        command = ["-m", "tests.seeds.outside", database_url(), program]
        done = forking.run(
            [*command, *arguments],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return external
