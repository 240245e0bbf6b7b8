"""``manage.py run_workflows``: execute workflows until told to stop."""

import argparse
import json
import os
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError

from django_durable.checks import TAG
from django_durable.management.parser import Parser, parser_like
from django_durable.worker import Worker
from django_durable.worker.processes import (
    StopSignals,
    Supervisor,
    die_with_parent,
    leave,
)


class Command(BaseCommand):
    """Claim workflows and execute them."""

    help = "Executes workflows; recovers those whose worker was lost."
    # Not those that ask the database: a worker waits for one that is down.
    requires_system_checks = (TAG,)

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> Parser:
        """Return a parser whose refusals programs can read, too."""
        standard = super().create_parser(
            prog_name, subcommand, add_help=False, **kwargs
        )
        return parser_like(standard)

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the options."""
        parser.add_argument("--queues", help="Only these queues, separated by commas.")
        parser.add_argument(
            "--concurrency", type=int, help="Threads for sync workflows."
        )
        parser.add_argument(
            "--async-concurrency", type=int, help="Async workflows at a time."
        )
        parser.add_argument(
            "--processes", type=int, default=1, help="Worker processes."
        )
        parser.add_argument(
            "--drain",
            type=float,
            help="Seconds for running steps to end after SIGTERM.",
        )
        parser.add_argument(
            "--until-idle",
            action="store_true",
            help="End when nothing is ready and nothing runs.",
        )
        parser.add_argument(
            "--reload", action="store_true", help="Start again when code changes."
        )
        parser.add_argument(
            "--json", action="store_true", help="Print an error as JSON."
        )
        parser.add_argument("--alone", metavar="WORKFLOW_ID", help=argparse.SUPPRESS)

    def execute(self, *args: Any, **options: Any) -> str | None:
        """Check the project and run; say an error in JSON where that is asked for."""
        try:
            return super().execute(*args, **options)
        except CommandError as error:
            if options["json"]:
                message = " ".join(str(error).split())
                self.stdout.write(json.dumps({"error": message}))
            raise

    def handle(self, *args: Any, **options: Any) -> None:
        """Run in this process, or supervise others."""
        if options["processes"] < 1:
            raise CommandError("--processes must be 1 or more.", returncode=2)
        try:
            worker = Worker(
                queues=_queues(options["queues"]),
                concurrency=options["concurrency"],
                async_concurrency=options["async_concurrency"],
                drain=options["drain"],
                alone=options["alone"],
            )
        except (TypeError, ValueError) as error:
            raise CommandError(str(error), returncode=2) from None
        if options["processes"] > 1 or options["reload"]:
            self._supervise(options)
            return
        self._run(
            worker, ends_when_idle=bool(options["until_idle"] or options["alone"])
        )

    def _run(self, worker: Worker, *, ends_when_idle: bool) -> None:
        # Before anything is claimed: a signal must never lose work.
        signals = StopSignals(
            on_first=worker.request_stop, on_repeat=lambda: os._exit(1)
        )
        die_with_parent(lambda: signals.is_stopping)
        try:
            worker.start()
        except DatabaseError:
            if not signals.is_stopping:
                raise
            return  # The database never answered; nothing was taken.
        signals.wait(
            lambda: worker.is_asked_to_leave or (ends_when_idle and worker.is_idle)
        )
        leave(worker.stop())

    def _supervise(self, options: dict[str, Any]) -> None:
        if options["until_idle"]:
            raise CommandError(
                "--until-idle runs in one process, without --reload.", returncode=2
            )
        arguments = [
            f"--{name.replace('_', '-')}={options[name]}"
            for name in ("queues", "concurrency", "async_concurrency", "drain")
            if options[name] is not None
        ]
        supervisor = Supervisor(
            arguments, count=options["processes"], is_reloading=options["reload"]
        )
        supervisor.run()


def _queues(text: str | None) -> list[str] | None:
    if text is None:
        return None
    names = [name.strip() for name in text.split(",") if name.strip()]
    if not names:
        raise CommandError("--queues names no queue.", returncode=2)
    return names
