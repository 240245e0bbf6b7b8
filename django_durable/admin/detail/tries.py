"""The failed tries of a workflow's steps."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from django_durable.models import Attempt

# By branch and step. They carry the beginning of their error, see page.py.
Tries = dict[tuple[str, int], list[Any]]


def by_place(attempts: Iterable[Attempt]) -> Tries:
    """Return the tries of each step, in the order in which they are given."""
    found: Tries = defaultdict(list)
    for attempt in attempts:
        found[attempt.branch, attempt.step_id].append(attempt)
    return found
