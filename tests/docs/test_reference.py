"""The reference is complete, and links on pages that GitHub shows lead somewhere."""

import pkgutil
import re
from dataclasses import fields
from pathlib import Path

import pytest
from django.contrib import admin
from django.core.management import load_command_class
from django.urls import resolve

import django_durable as durable
from django_durable import checks, migrations, signals, testing
from django_durable.definitions import decorators
from django_durable.definitions.options import StartOptions
from django_durable.management import diagnosis
from django_durable.management.commands.workflows import SUBCOMMANDS
from django_durable.models import Worker, Workflow
from tests.admin.everywhere import NOBODY, addresses
from tests.docs.pages import DOCS

README = DOCS.parent / "README.md"


def text_of(directory, pattern="*.md"):
    return "\n".join(path.read_text() for path in sorted(directory.rglob(pattern)))


@pytest.mark.parametrize("name", durable.__all__)
def test_every_public_name_is_in_the_reference(name):
    directive = rf"^\.\. (?:auto|py:)\w+:: (?:django_durable\.)?{name}\b"

    assert re.search(directive, text_of(DOCS / "reference"), re.MULTILINE)


@pytest.mark.parametrize("name", testing.__all__)
def test_every_testing_tool_is_in_the_reference(name):
    directive = rf"^\.\. auto\w+:: {name}\b"

    reference = (DOCS / "reference/testing.md").read_text()

    assert re.search(directive, reference, re.MULTILINE)


def test_every_check_is_in_the_reference_and_no_other():
    source = Path(checks.__file__).read_text()
    existing = set(re.findall(r"[EW]\d{3}(?=\")", source))

    described = re.findall(r"`django_durable\.([EW]\d{3})`", text_of(DOCS))

    assert set(described) == existing


def test_every_option_of_the_command_is_in_the_reference_and_no_other():
    command = load_command_class("django_durable", "run_workflows")
    parser = command.create_parser("manage.py", "run_workflows")
    plain = {
        option
        for action in parser._actions
        if action.help != "==SUPPRESS=="
        for option in action.option_strings
    }
    standard = {"--help", "-h", "--version", "-v", "--verbosity", "--settings"}
    standard |= {"--pythonpath", "--traceback", "--no-color", "--force-color"}
    standard |= {"--skip-checks"}

    described = re.findall(
        r"^\| `(--[a-z-]+)",
        (DOCS / "reference/run-workflows.md").read_text(),
        re.MULTILINE,
    )

    assert set(described) == plain - standard


def test_every_subcommand_is_in_the_reference_and_no_other():
    page = (DOCS / "reference/workflows-command.md").read_text()

    described = re.findall(r"^\.\. durable-subcommand:: (\w+)$", page, re.MULTILINE)
    headings = re.findall(r"^## ([a-z]+)$", page, re.MULTILINE)

    assert described == headings
    assert set(described) == SUBCOMMANDS.keys()


def test_everything_that_the_doctor_looks_at_has_a_row_and_nothing_else():
    code = text_of(Path(diagnosis.__path__[0]), "*.py")
    page = (DOCS / "reference/workflows-command.md").read_text()
    table = page[page.index("| Looks at |") : page.index("## settings")]

    looked_at = set(re.findall(r'Finding\(\s*[^,]+,\s*"([a-z ]+)"', code))

    described = re.findall(r"^\| ([a-z ]+) \|", table, re.MULTILINE)
    assert set(described) == looked_at
    assert len(described) == len(looked_at)


def test_every_page_of_the_console_has_an_address_in_the_reference():
    page = (DOCS / "reference/console.md").read_text()
    names = {
        resolve(address.partition("?")[0]).url_name
        for address, needed in addresses("x").values()
        if needed != {NOBODY}
    }

    told = page[page.index("## Addresses") : page.index("Parameters of the list")]
    whole = re.findall(r"`admin:(\w+)`", told)
    ends = re.findall(r"`(_\w+)`", told)

    assert [name for name in names if not name.endswith((*whole, *ends))] == []
    assert [name for name in whole if name not in {*names, "app_list"}] == []
    assert [end for end in ends if not any(name.endswith(end) for name in names)] == []


def test_every_page_of_the_console_that_is_named_anywhere_exists():
    named = set(re.findall(r"admin:(django_durable_\w+)", text_of(DOCS)))

    existing = {path.name for path in admin.site.urls[0] if hasattr(path, "name")}
    for model_admin in map(admin.site.get_model_admin, (Workflow, Worker)):
        existing |= {path.name for path in model_admin.urls}

    assert named - existing == set()


def test_every_permission_of_the_console_is_described():
    page = (DOCS / "how-to/operate-in-the-admin.md").read_text()

    described = re.findall(r"^\| `django_durable\.(\w+)`", page, re.MULTILINE)

    needed = set().union(*(each for _, each in addresses("x").values())) - {NOBODY}
    assert needed <= set(described)


def test_every_migration_after_the_first_is_in_the_changelog():
    names = sorted(each.name for each in pkgutil.iter_modules(migrations.__path__))

    told = re.findall(r"`(0\d{3}_\w+)`", (DOCS.parent / "CHANGELOG.md").read_text())

    assert sorted(told) == names[1:]


def test_every_picture_is_shown_on_a_page():
    pictures = {path.name for path in (DOCS / "images").iterdir()}

    assert set(re.findall(r"images/([\w.-]+)\)", text_of(DOCS))) == pictures


@pytest.mark.parametrize(
    ("heading", "names"),
    [
        ("### Options of a start", [option.name for option in fields(StartOptions)]),
        ("## Decorators", [*decorators.STEP_OPTIONS]),
    ],
)
def test_every_option_has_a_row_in_a_table_of_the_reference(heading, names):
    page = (DOCS / "reference/workflows-and-steps.md").read_text()

    section = page[page.index(heading) :]

    described = set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE))
    assert described >= set(names)


def test_every_status_is_described():
    page = (DOCS / "reference/statuses.md").read_text()

    described = re.findall(r"^\| `([A-Z_]+)` \| ([a-z ]+) \|", page, re.MULTILINE)

    assert described == [(s.value, str(s.label)) for s in Workflow.Status]


def test_every_field_of_a_workflow_is_described():
    page = (DOCS / "reference/stored-workflows.md").read_text()
    internal = {"stalled_at"}

    described = set(re.findall(r"`(\w+)`", page))

    names = {field.name for field in Workflow._meta.concrete_fields}
    assert names - internal <= described


def test_every_signal_is_described_where_it_is_declared():
    declared = {
        name
        for name, value in vars(signals).items()
        if isinstance(value, signals.Signal) and name != "published"
    }

    assert set(re.findall(r"^``(\w+)``", signals.__doc__, re.MULTILINE)) == declared


@pytest.mark.parametrize(
    "page", [README, *sorted(DOCS.rglob("*.md"))], ids=lambda page: page.name
)
def test_links_to_files_lead_somewhere(page):
    targets = re.findall(r"\]\(([^)#:]+\.md|LICENSE)(?:#[^)]*)?\)", page.read_text())

    missing = [target for target in targets if not (page.parent / target).exists()]

    assert missing == []


@pytest.mark.parametrize(
    "page", [README, *sorted(DOCS.rglob("*.md"))], ids=lambda page: page.name
)
def test_one_sentence_stands_on_one_line(page):
    prose = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.M | re.S)
    lines = [line for line in prose.splitlines() if not line.startswith("|")]

    crowded = [line for line in lines if re.search(r"[a-z`)][.?!] [A-Z]", line)]

    assert crowded == []
