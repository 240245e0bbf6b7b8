"""The command line, called in this process."""

from tests.command_line import cli

__all__ = ["cli"]
