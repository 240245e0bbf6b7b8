"""The parser of our commands: refuses in one line, and in JSON where asked."""

import json
import sys
from typing import Any, NoReturn

from django.core.management import CommandError
from django.core.management.base import CommandParser, DjangoHelpFormatter

from django_durable.display import visible


class Parser(CommandParser):
    """Refuses in one line, with exit code 2, and in JSON where JSON is asked for."""

    def __init__(self, **options: Any) -> None:
        # An abbreviated --all must not be taken for another option.
        super().__init__(**{"allow_abbrev": False, **options})
        self._wants_json = False

    def parse_known_args(self, args=None, namespace=None):  # type: ignore[no-untyped-def]
        """Parse; refuse what is not known here, where it is known to whom it went."""
        given = sys.argv[1:] if args is None else list(args)
        self._wants_json = "--json" in given
        found, unknown = super().parse_known_args(given, namespace)
        if unknown:
            self.error(f"unrecognized arguments: {' '.join(unknown)}")
        return found, unknown

    def error(self, message: str) -> NoReturn:
        """Say what is wrong with the command line, and end."""
        text = visible(f"{message} (see {self.prog} --help)", lines=False)
        if not self.called_from_command_line:
            raise CommandError(text, returncode=2)
        if self._wants_json:
            sys.stdout.write(json.dumps({"error": text}) + "\n")
        self.exit(2, f"{self.prog}: {text}\n")


def parser_like(standard: CommandParser) -> Parser:
    """Return such a parser with the options of one that has no ``--help``."""
    return Parser(
        prog=standard.prog,
        description=standard.description,
        formatter_class=DjangoHelpFormatter,
        called_from_command_line=standard.called_from_command_line,
        parents=[standard],
    )
