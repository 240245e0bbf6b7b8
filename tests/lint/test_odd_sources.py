"""Where the source is not at hand, or odd, nothing is said and nothing breaks."""

import linecache
import sys
import textwrap
import time
import warnings

import pytest

import django_durable as durable
from django_durable import lint
from django_durable.definitions import registry

BODY = """\
import time
import django_durable as durable


@durable.workflow("odd")
def checkout():
    time.sleep(1)
"""


@pytest.fixture
def path(fresh_registry, tmp_path):
    """Where a source stands."""
    return tmp_path / "odd.py"


def messages():
    return [finding.message for finding in lint.findings(registry.all_definitions())]


def run(text, file):
    space = {"__name__": "odd", "__file__": str(file)}
    exec(compile(text, str(file), "exec"), space)
    return space


def test_a_source_in_another_encoding_is_read(path):
    text = f"# -*- coding: latin-1 -*-\n# é\n{BODY}"
    path.write_bytes(text.encode("latin-1"))

    run(text, path)

    assert [message.split(":")[1] for message in messages()] == ["9"]


def test_a_source_that_only_the_loader_has_is_read(path):
    run(BODY, path)
    linecache.cache[str(path)] = len(BODY), None, BODY.splitlines(True), str(path)

    assert len(messages()) == 1


@pytest.mark.parametrize(
    "content",
    [
        None,
        b"",
        b"\xff\xfe\x00",
        b"# coding: nonsense\n",
        b"\0\0\0",
        b"def checkout(:\n" + BODY.encode(),
        BODY.encode() + b"(" * 5000,
        BODY.encode() + b"x = " + b"-" * 100_000 + b"1\n",
        b"import time\n" * 20,
        BODY.replace("checkout", "another").encode(),
    ],
    ids=[
        "no file",
        "empty",
        "not UTF-8",
        "unknown encoding",
        "binary",
        "of another Python",
        "too many brackets",
        "too deep",
        "changed since",
        "another function",
    ],
)
def test_an_odd_source_is_passed_by(path, content):
    path.write_text(BODY)
    run(BODY, path)
    assert len(messages()) == 1

    path.unlink()
    if content is not None:
        path.write_bytes(content)

    assert messages() == []


def test_code_without_a_file_is_passed_by(fresh_registry):
    run(BODY, "<string>")

    assert messages() == []


class Checkout:
    def __call__(self):
        return time.time()


@pytest.mark.parametrize("callable_", [len, Checkout()])
def test_what_is_not_a_function_is_passed_by(fresh_registry, callable_):
    durable.workflow("odd", version="1")(callable_)

    assert messages() == []


def test_what_a_loader_raises_is_not_raised(path):
    class Loader:
        def get_source(self, name):
            raise RuntimeError("No.")

    space = run(BODY, path)
    space["__loader__"] = Loader()
    run(BODY.replace('"odd"', '"other"'), path.with_name("other.py"))
    path.with_name("other.py").write_text(BODY)

    assert len(messages()) == 1


@pytest.mark.parametrize("module", [None, object()])
def test_odd_modules_do_no_harm(path, monkeypatch, module):
    path.write_text(BODY)
    run(BODY, path)
    monkeypatch.setitem(sys.modules, "aiohttp", module)

    assert len(messages()) == 1


def test_warnings_of_the_compiler_are_not_repeated(path):
    text = BODY.replace("sleep(1)", "strftime('\\d')")
    path.write_text(text)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        run(text, path)

    assert len(messages()) == 1


@pytest.mark.parametrize("directory", ["site-packages", "dist-packages"])
def test_workflows_of_installed_packages_are_not_looked_at(
    load, lines, tmp_path, directory
):
    installed = tmp_path / directory / "shop"
    installed.mkdir(parents=True)

    assert lines(BODY, directory=installed) == []


def test_a_file_outside_of_the_working_directory_is_named_in_full(
    found, tmp_path_factory
):
    elsewhere = tmp_path_factory.mktemp("elsewhere")

    (finding,) = found(textwrap.dedent(BODY), name="shop", directory=elsewhere)

    assert finding.message.startswith(f"{elsewhere / 'shop.py'}:7: ")
