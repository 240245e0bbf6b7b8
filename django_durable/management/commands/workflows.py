"""``manage.py workflows``: look at workflows, and manage them."""

import json
import os
import sys
from io import TextIOWrapper
from typing import Any

from django.core.management.base import BaseCommand, DjangoHelpFormatter

from django_durable.management.parser import Parser, parser_like
from django_durable.management.workflows.checking import CHECK
from django_durable.management.workflows.doctor import DOCTOR
from django_durable.management.workflows.events import EVENTS
from django_durable.management.workflows.listing import LIST
from django_durable.management.workflows.operations import (
    CANCEL,
    DELETE,
    FORK,
    RESTART,
    RESUME,
)
from django_durable.management.workflows.output import Output
from django_durable.management.workflows.parsing import add_standard_options
from django_durable.management.workflows.pruning import PRUNE
from django_durable.management.workflows.roles import ROLES
from django_durable.management.workflows.schedules import SCHEDULE, SCHEDULES
from django_durable.management.workflows.sending import SEND
from django_durable.management.workflows.settings import SETTINGS
from django_durable.management.workflows.showing import SHOW
from django_durable.management.workflows.starting import START
from django_durable.management.workflows.steps import STEPS
from django_durable.management.workflows.streams import STREAM
from django_durable.management.workflows.subcommand import (
    INTERRUPTED,
    NOTHING_MATCHED,
    Incomplete,
    Subcommand,
    as_command_error,
)
from django_durable.management.workflows.workers import WORKERS

SUBCOMMANDS: dict[str, Subcommand] = {
    each.name: each
    for each in (
        LIST,
        SHOW,
        STEPS,
        EVENTS,
        STREAM,
        START,
        SEND,
        CANCEL,
        RESUME,
        RESTART,
        FORK,
        DELETE,
        PRUNE,
        SCHEDULES,
        SCHEDULE,
        CHECK,
        WORKERS,
        DOCTOR,
        SETTINGS,
        ROLES,
    )
}


class Command(BaseCommand):
    """One word, one thing to do; see django_durable.management.workflows."""

    help = "Looks at workflows, and manages them."
    # A question about workflows is no time to examine the project: doctor does.
    requires_system_checks = ()

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> Parser:
        """Return a parser whose refusals programs can read, too."""
        standard = super().create_parser(
            prog_name, subcommand, add_help=False, **kwargs
        )
        parser = parser_like(standard)
        words = parser.add_subparsers(
            dest="subcommand", metavar="SUBCOMMAND", required=True
        )
        for each in SUBCOMMANDS.values():
            own = words.add_parser(
                each.name,
                help=each.help,
                description=each.help,
                formatter_class=DjangoHelpFormatter,
            )
            each.add_arguments(own)
            own.add_argument(
                "--json", action="store_true", help="Print JSON and nothing else."
            )
            add_standard_options(own)
        return parser

    def run_from_argv(self, argv: list[str]) -> None:
        """Run; a terminal that lacks a character is no reason to fail."""
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, TextIOWrapper):
                stream.reconfigure(errors="backslashreplace")
        super().run_from_argv(argv)

    def handle(self, *args: Any, **options: Any) -> None:
        """Run the subcommand; say errors in one line, and as JSON where asked."""
        subcommand = SUBCOMMANDS[options["subcommand"]]
        out = Output(self.stdout, self.stderr, self.style, is_json=options["json"])
        try:
            subcommand.run(options, out)
            self.stdout.flush()  # Now, where a broken pipe can be met.
        except BrokenPipeError:
            _leave_quietly()
        except KeyboardInterrupt:
            sys.exit(INTERRUPTED)
        except Exception as error:
            known = as_command_error(error)
            if known is None:
                raise
            if out.is_json and not _is_told(error, subcommand):
                self.stdout.write(json.dumps({"error": str(known)}))
            raise known from error


def _is_told(error: Exception, subcommand: Subcommand) -> bool:
    """Tell whether what was printed, or that nothing was, says it in JSON."""
    if isinstance(error, Incomplete):
        return True
    code = getattr(error, "returncode", None)
    return subcommand.is_list and code == NOTHING_MATCHED


def _leave_quietly() -> None:
    """End a process whose reader has seen enough, as ``head`` does."""
    # What is flushed at exit must not fail once more.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(1)
