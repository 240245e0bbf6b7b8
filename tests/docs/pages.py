"""The documentation as tests see it: pages, their code blocks, pages as modules."""

import importlib.util
import re
import sys
from dataclasses import dataclass
from pathlib import Path

DOCS = Path(__file__).resolve().parent.parent.parent / "docs"

_FENCE = re.compile(
    r"^```(?:\{code-block\} )?(?P<language>[a-z]+)\n(?P<body>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
_CAPTION = re.compile(r"\A:caption: (?P<caption>[^\n]+)\n\n")


@dataclass(frozen=True, slots=True)
class Block:
    """A piece of code on a page."""

    language: str
    caption: str
    code: str


def blocks(page, language=None):
    """Return the code blocks of a page, in order, perhaps of one language only."""
    found = [_block(match) for match in _FENCE.finditer((DOCS / page).read_text())]
    return [each for each in found if language in (None, each.language)]


def pages_with(language):
    """Return the names of the pages that have code in a language."""
    names = (str(path.relative_to(DOCS)) for path in sorted(DOCS.rglob("*.md")))
    return [name for name in names if blocks(name, language)]


def page_module(page, directory, *, replacing=()):
    """Import the Python blocks of a page as one module, and return it.

    ``replacing`` is a pair: a piece of code, such as an hour of sleep, and what a
    test has in its place.
    """
    name = "page_" + Path(page).stem.replace("-", "_")
    path = directory / f"{name}.py"
    code = "\n\n".join(block.code for block in blocks(page, "python"))
    if replacing:
        assert replacing[0] in code
        code = code.replace(*replacing)
    path.write_text(code)
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _block(match):
    body = match["body"]
    caption = _CAPTION.match(body)
    if caption is None:
        return Block(match["language"], "", body)
    return Block(match["language"], caption["caption"], body[caption.end() :])
