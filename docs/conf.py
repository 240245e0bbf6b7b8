"""How the documentation is built."""

import sys
import tomllib
from pathlib import Path

import django
from django.conf import settings

docs = Path(__file__).resolve().parent
sys.path[:0] = [str(docs / "_extensions"), str(docs.parent)]

# The reference is made of docstrings, for which the models have to be loaded.
settings.configure(
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    INSTALLED_APPS=["django_durable"],
    USE_TZ=True,
)
django.setup()

project = "django_durable"
author = "django_durable contributors"
copyright = "2026, django_durable contributors"
release = tomllib.loads((docs.parent / "pyproject.toml").read_text())["project"][
    "version"
]
version = release

extensions = [
    "durable_tables",
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx_copybutton",
]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build", "_extensions"]
nitpicky = True
nitpick_ignore_regex = [("py:.*", r"(?!django_durable\b).*")]

autodoc_typehints = "none"
autodoc_member_order = "bysource"

myst_enable_extensions = ["colon_fence", "deflist", "smartquotes"]
myst_heading_anchors = 3

copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

html_theme = "furo"
html_title = f"django_durable {release}"
