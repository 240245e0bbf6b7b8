"""Set the stage, tell the story, and leave nothing behind."""

import os
import signal
import sys
import tempfile
from pathlib import Path
from typing import NoReturn

import django

# Short enough that nobody waits long for the second worker.
LEASE = 3
HEARTBEAT = 1
# Long enough to kill a worker in the middle of a call.
SERVICE_DELAY = 1.2


def prepare_environment(directory: Path) -> None:
    """Describe the demo's own database and pace to this process and its children."""
    os.environ.update(
        DJANGO_SETTINGS_MODULE="example_project.settings",
        DATABASE_URL=f"sqlite:///{directory / 'db.sqlite3'}",
        DEBUG="true",
        APP_VERSION="demo",
        DURABLE_LEASE=str(LEASE),
        DURABLE_HEARTBEAT=str(HEARTBEAT),
        ORDERS_SERVICE_DELAY=str(SERVICE_DELAY),
        # The children write into pipes.
        NO_COLOR="1",
    )


def leave(number: int, frame: object) -> NoReturn:
    """End through every finally clause."""
    raise SystemExit(128 + number)


def main() -> int:
    """Run the demo on a fresh database and return the exit code."""
    signal.signal(signal.SIGTERM, leave)
    signal.signal(signal.SIGHUP, leave)
    ignored_url = os.environ.get("DATABASE_URL")
    with tempfile.TemporaryDirectory(
        prefix="durable-demo-", ignore_cleanup_errors=True
    ) as directory:
        prepare_environment(Path(directory))
        django.setup()

        # Models can be imported from here on.
        from example_project.demo.story import tell

        return tell(Path(directory), ignores_database=ignored_url is not None)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
