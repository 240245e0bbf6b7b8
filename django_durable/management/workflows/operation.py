"""What can be done to workflows, singly and in bulk."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django_durable.management.parser import Parser
from django_durable.management.workflows.subcommand import Options
from django_durable.models import Workflow
from django_durable.models.workflow import WorkflowQuerySet


@dataclass(frozen=True, slots=True)
class Operation:
    """A verb of the command line.

    ``one`` returns what there is to tell beside the id, and raises DurableError
    where it is refused. ``many`` acts on those of some rows that allow it, and
    returns how many; ``candidates`` keeps the rows that might. ``check`` refuses
    options that do not go together.
    """

    name: str
    past: str
    one: Callable[[Workflow, Options], dict[str, Any]]
    many: Callable[[WorkflowQuerySet, Options], int]
    candidates: Callable[[WorkflowQuerySet], WorkflowQuerySet]
    add_own_arguments: Callable[[Parser], None] = lambda parser: None
    check: Callable[[Options], None] = lambda options: None
