"""The command line, called in this process."""

import io
import json
from dataclasses import dataclass
from functools import cache

import pytest
from django.core.management import CommandError, call_command

from django_durable.management.commands.workflows import Command


@cache
def parser():
    """Return the command's parser, which takes longer to make than most answers."""
    return Command().create_parser("manage.py", "workflows")


class Quick(Command):
    """The command, with a parser that it has made before."""

    def create_parser(self, *names, **options):
        return parser()


@dataclass
class Answer:
    """How a command ended, and what it printed."""

    code: int
    out: str
    err: str

    @property
    def document(self):
        """The one JSON document."""
        return json.loads(self.out)

    @property
    def records(self):
        """The JSON documents, one a line."""
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def rows(self):
        """The lines of a table below its headings, in words."""
        return [line.split() for line in self.out.splitlines()[1:]]


@pytest.fixture
def cli(db, monkeypatch):
    """Return a function that runs ``manage.py workflows`` with these words."""

    def run(*words, stdin=""):
        given = io.StringIO(stdin) if isinstance(stdin, str) else stdin
        monkeypatch.setattr("sys.stdin", given)
        out, err = io.StringIO(), io.StringIO()
        code = 0
        try:
            call_command(Quick(), *words, stdout=out, stderr=err)
        except CommandError as error:
            code = error.returncode
            err.write(f"{error}\n")
        except SystemExit as ended:
            code = ended.code
        return Answer(code, out.getvalue(), err.getvalue())

    return run
