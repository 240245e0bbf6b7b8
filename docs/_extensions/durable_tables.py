"""Directives that write tables of the reference from the code itself."""

import argparse
from typing import Any

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from django_durable import conf
from django_durable.management.commands.workflows import SUBCOMMANDS
from django_durable.management.parser import Parser
from django_durable.management.workflows.filters import add_filters


class Table(SphinxDirective):
    """A definition list that is made of lines."""

    def made_of(self, lines: list[str]) -> list[nodes.Node]:
        """Parse generated lines."""
        parent = nodes.Element()
        self.state.nested_parse(StringList(lines, __file__), 0, parent)
        return list(parent.children)


class SettingsTable(Table):
    """``{durable-settings}``: every key of DURABLE with default and meaning."""

    def run(self) -> list[nodes.Node]:
        """Return a definition list."""
        lines: list[str] = []
        for key, field in conf.KEYS.items():
            lines += [
                f"``{key}``, default ``{field.default!r}``",
                f"   {field.metadata['doc']}",
                "",
            ]
        return self.made_of(lines)


class SubcommandTable(Table):
    """``{durable-subcommand} NAME``: its arguments, without the filters."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return a definition list."""
        subcommand = SUBCOMMANDS[self.arguments[0]]
        parser = Parser(prog=f"manage.py workflows {subcommand.name}")
        subcommand.add_arguments(parser)
        filters = {action.dest for action in filter_actions()}
        if not filters <= {action.dest for action in parser._actions}:
            filters = set()  # Some of the names mean something else there.
        own = [action for action in parser._actions if action.dest not in filters]
        return self.made_of([subcommand.help, "", *lines_of(own)])


class FiltersTable(Table):
    """``{durable-filters}``: the options that choose workflows."""

    def run(self) -> list[nodes.Node]:
        """Return a definition list."""
        return self.made_of(lines_of(filter_actions()))


def filter_actions() -> list[argparse.Action]:
    """Return the options that several subcommands share."""
    parser = Parser(prog="manage.py workflows")
    add_filters(parser)
    return parser._actions


def lines_of(actions: list[argparse.Action]) -> list[str]:
    """Return a definition for each argument but ``--help``."""
    lines: list[str] = []
    for action in actions:
        if action.dest == "help":
            continue
        takes = "" if action.nargs == 0 else action.metavar or action.dest.upper()
        names = action.option_strings or [takes]
        given = "" if not action.option_strings else f" {takes}"
        shown = ", ".join(f"``{name}{given}``".replace(" ``", "``") for name in names)
        lines += [shown, f"   {action.help}", ""]
    return lines


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directives."""
    app.add_directive("durable-settings", SettingsTable)
    app.add_directive("durable-subcommand", SubcommandTable)
    app.add_directive("durable-filters", FiltersTable)
    return {"parallel_read_safe": True}
