"""The index at the top of this package says what there is."""

import ast
from pathlib import Path

import pytest

from tests import seeds
from tests.databases import PURE

HERE = Path(__file__).parent
DOCUMENTS = {
    "go_communication",
    "go_messages",
    "python_notifications",
    "python_workflow_tutorial",
    "typescript_communication",
}
NOT_BUILT = "Not yet built: "


def entries():
    """Return (document, section, file, what is said there) of the index."""
    place = {0: "", 4: "", 8: ""}
    found = []
    for line in seeds.__doc__.splitlines():
        depth, text = len(line) - len(line.lstrip()), line.strip()
        if depth == 12 or text.startswith(NOT_BUILT):
            found.append((place[0], place[4], place[8], text))
        elif text:
            place[depth] = text
    return found


ENTRIES = entries()


def functions_of(path):
    nodes = ast.parse(path.read_text()).body
    named = [node.name for node in nodes if isinstance(node, ast.FunctionDef)]
    return {name for name in named if name.startswith("test_")}


def path_of(file):
    here = HERE / file
    return here if here.exists() else HERE.parent / file


def listed(*, built=True):
    return [each for each in ENTRIES if each[3].startswith(NOT_BUILT) is not built]


FILES = sorted({file for _, _, file, _ in listed()})


def names_in_marks(path, tests):
    """Return all names in the marks of a module and of some of its tests."""
    marks = []
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.FunctionDef) and node.name in tests:
            marks += node.decorator_list
        elif isinstance(node, ast.Assign) and "pytestmark" in ast.unparse(node.targets):
            marks.append(node.value)
    parts = [part for mark in marks for part in ast.walk(mark)]
    return {part.attr for part in parts if isinstance(part, ast.Attribute)}


@pytest.mark.parametrize("file", FILES)
def test_the_index_names_existing_tests(file):
    named = {name for _, _, its_file, name in listed() if its_file == file}

    assert named - functions_of(path_of(file)) == set()


@pytest.mark.parametrize("file", FILES)
def test_what_the_index_names_runs_on_every_database(file):
    named = {name for _, _, its_file, name in listed() if its_file == file}
    path = path_of(file)

    assert "once" not in names_in_marks(path, named)
    assert not path.relative_to(HERE.parents[1]).as_posix().startswith(PURE)


@pytest.mark.parametrize(
    "path",
    [path for path in sorted(HERE.glob("test_*.py")) if path.name != "test_index.py"],
    ids=lambda path: path.name,
)
def test_every_test_is_in_the_index_once(path):
    named = [name for _, _, file, name in listed() if file == path.name]

    assert sorted(named) == sorted(functions_of(path))


def test_the_index_has_all_documents():
    assert {document.partition(":")[0] for document, *_ in ENTRIES} == DOCUMENTS


def test_the_tests_of_a_document_are_in_a_file_that_bears_its_name():
    strangers = [
        (document, file)
        for document, _, file, _ in listed()
        if not file.startswith(f"test_{document.partition(':')[0]}")
        and not file.startswith("admin/")
    ]

    assert strangers == []


def test_each_section_of_the_index_has_a_test_or_says_what_is_missing():
    lines = [line for line in seeds.__doc__.splitlines() if line.startswith("    ")]
    sections = [line.strip() for line in lines if line[4] != " "]

    shown = [section for _, section, _, _ in ENTRIES]

    assert len(sections) > 30
    assert [each for each in sections if each not in shown] == []


def test_nothing_is_missing():
    assert listed(built=False) == []
