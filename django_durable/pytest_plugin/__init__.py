"""Fixtures for pytest-django: ``durable`` and ``durable_worker``.

pytest finds them by itself where django_durable is installed.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from django_durable.pytest_plugin.process import WorkerProcess
    from django_durable.pytest_plugin.tools import Tools


@pytest.fixture
def durable(db: None) -> "Iterator[Tools]":
    """Give the tools of ``django_durable.testing``, in virtual time.

    The clock stands still from the beginning of the test on; ``time`` moves it.
    """
    from django_durable.pytest_plugin.tools import tools

    with tools() as given:
        yield given


@pytest.fixture
def durable_worker(
    transactional_db: None, tmp_path: "Path"
) -> "Iterator[WorkerProcess]":
    """Give a real worker process on the test's database; it is started already.

    It ends with the test. Needs a database that another process can open: on
    SQLite a test database in a file.
    """
    from django_durable.pytest_plugin.process import worker_process

    with worker_process(tmp_path / "durable-worker.log") as started:
        yield started
