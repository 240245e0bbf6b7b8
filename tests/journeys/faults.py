"""What a test may break in a worker process, from its first moment on."""

import signal
import threading
from pathlib import Path

from django.db.backends.signals import connection_created

from django_durable.wakeup import hub
from tests.journeys import ledger


class _DeafSource:
    """Claims to bring hints, and never brings one."""

    is_working = True

    def start(self) -> None:
        """Begin to hear nothing."""

    def close(self) -> None:
        """Go on hearing nothing."""


def deaf() -> None:
    """Lose every hint that comes from outside of the process."""
    hub._make_source = lambda hub: _DeafSource()


def freeze_at_commit() -> None:
    """Stop like SIGSTOP, once, after a checkpoint's insert, before its COMMIT.

    That is where a transaction step holds the lock of its workflow's row.
    """

    def watch(execute, sql, params, many, context):
        result = execute(sql, params, many, context)
        is_held = context["connection"].in_atomic_block
        if is_held and 'INSERT INTO "django_durable_step"' in sql and _is_first():
            # To this thread, so that it does not run on while others stop.
            signal.pthread_kill(threading.get_ident(), signal.SIGSTOP)
        return result

    def install(connection, **_):
        connection.execute_wrappers.append(watch)

    connection_created.connect(install, weak=False)


def _is_first() -> bool:
    try:
        Path(ledger.directory() / "frozen").touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


FAULTS = {"deaf": deaf, "freeze_at_commit": freeze_at_commit}
