"""DBOS Transact for Python, as the benchmarks see it.

What it is measured with stands in dbos_work; that runs in a process of its own, so
that its threads disturb nobody else. It is warmed up, and does a fifth of the work.
"""

import json
import os
import subprocess
import sys
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from django.db import connection

from benchmarks import elsewhere
from benchmarks.rounds import Figure, LeftOut, Peer

SHARE = 5
LONGEST_SECONDS = 240.0


def peer(asked: str | None, measure: str, *args: object) -> Peer | None:
    """Return DBOS doing something of dbos_work, if it was asked for."""
    if asked != "dbos":
        return None
    settings: list[str] = []

    def once() -> Figure:
        found = ask(measure, *args)
        settings[:] = [found["settings"]]
        return found["figure"]

    return Peer("DBOS", once, lambda: f"{_version()}, {settings[0]}")


def throughput_peer(
    asked: str | None, measure: str, name: str, number: int, *args: object
) -> Peer | None:
    """Return DBOS emptying a queue, with the settings that do best at it."""
    if asked != "dbos":
        return None

    def once() -> Figure:
        return ask(measure, name, number // SHARE, *args, _best(name))["figure"]

    return Peer("DBOS", once, lambda: f"{_version()}, {json.dumps(_best(name))}")


@cache
def _best(name: str) -> object:
    return ask("best", name)["settings"]


def ask(measure: str, *args: object) -> dict[str, Any]:
    """Measure something of dbos_work."""
    if find_spec("dbos") is None:
        raise LeftOut("not installed; it comes with the extra bench")
    elsewhere.dismiss()
    forget()  # Its old queues would be polled too.
    completed = subprocess.run(
        [sys.executable, "-m", "benchmarks.peers.dbos_work", measure, json.dumps(args)],
        env={**os.environ, "DBOS_URL": url()},
        capture_output=True,
        text=True,
        timeout=LONGEST_SECONDS,
    )
    if completed.returncode:
        raise LeftOut(f"failed: {completed.stderr.strip()[-300:]}")
    answer: dict[str, Any] = json.loads(completed.stdout.splitlines()[-1])
    return answer


def url() -> str:
    """Return the URL of a database of its own beside the one that is measured."""
    settings = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{_sqlite_path()}"
    place = {**settings, **settings["OPTIONS"]}
    user = f"{quote(place['USER'])}:{quote(place['PASSWORD'])}"
    host = place.get("host") or place["HOST"] or "localhost"
    query = urlencode({"host": host, "port": place["PORT"] or 5432})
    return f"postgresql://{user}@/{settings['NAME']}_dbos?{query}"


def forget() -> None:
    """Drop that database."""
    if connection.vendor == "sqlite":
        for suffix in ("", "-wal", "-shm", "-journal"):
            Path(f"{_sqlite_path()}{suffix}").unlink(missing_ok=True)
        return
    with connection.cursor() as cursor:
        name = f"{connection.settings_dict['NAME']}_dbos"
        cursor.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def _sqlite_path() -> str:
    return f"{connection.settings_dict['NAME']}.dbos"


@cache
def _version() -> str:
    try:
        return version("dbos")
    except PackageNotFoundError:
        return "?"
