"""Directives that write tables of the reference from the code itself."""

from typing import Any

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from django_durable import conf


class SettingsTable(SphinxDirective):
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
        parent = nodes.Element()
        self.parse_rst(lines, parent)
        return list(parent.children)

    def parse_rst(self, lines: list[str], parent: nodes.Element) -> None:
        """Parse generated lines into ``parent``."""
        self.state.nested_parse(StringList(lines, __file__), 0, parent)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directives."""
    app.add_directive("durable-settings", SettingsTable)
    return {"parallel_read_safe": True}
