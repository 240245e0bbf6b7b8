"""What an operation on the filled tables is, and what the tables are called."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

WORKFLOW, WAIT = "django_durable_workflow", "django_durable_wait"
# Of the two indexes of a text key, either will do.
KEY = f"{WORKFLOW}_"
# Of the tests themselves, and empty.
HOLDER = "tests_receipt"
UNREAD, READY = "durable_notification_unread", "durable_workflow_ready"
HELD_BY, SUSPECT = "durable_workflow_held", "durable_workflow_suspect"
NEWEST, ENDED = "durable_workflow_created", "durable_workflow_ended"
SMALL = "django_durable_worker"
# Those that somebody has paused or limited at some time: a handful.
PAUSED = "django_durable_queue"
# What was started lately in queues with a rate: some hundred rows.
STARTS = "django_durable_queuestart"


@dataclass(frozen=True)
class Operation:
    """A call; an index that it reads; what one statement of it touches at most.

    ``blocks`` are those of PostgreSQL. ``walks`` names the tables that it reads from
    end to end, or on SQLite indexes: of what has not finished, or of a page.
    """

    call: Callable[[], Any]
    index: str = ""
    blocks: int = 60
    walks: str = ""
