"""The system check."""

import pytest
from django.core.checks import run_checks
from django.core.management import call_command

from django_durable import lint
from django_durable.definitions import registry

SOURCE = """\
import time
import django_durable as durable


@durable.workflow
def checkout():
    time.sleep(1)
"""


@pytest.fixture
def check(capsys):
    """Return what ``manage.py check`` says."""

    def check():
        call_command("check", tags=["durable"])
        return capsys.readouterr().err

    return check


def test_the_check_says_what_where_why_and_the_way_out(load, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    load(SOURCE, name="shop")

    (message,) = run_checks(tags=["durable"])

    assert str(message) == (
        "shop.checkout: (django_durable.W030) shop.py:7: time.sleep() starts anew at"
        " each replay, and holds a thread.\n"
        "\tHINT: Use durable.sleep(); or end the line with `# durable: ignore`."
    )


def test_the_command_prints_it_and_does_not_fail(load, check):
    load(SOURCE)

    assert "django_durable.W030" in check()


def test_the_check_can_be_silenced_as_any_other(load, check, settings):
    settings.SILENCED_SYSTEM_CHECKS = ["django_durable.W030"]
    load(SOURCE)

    assert "W030" not in check()


def test_the_workflows_of_the_example_project_are_sound():
    known = registry.all_definitions()
    examples = [each for each in known if each.name.startswith("example_project.")]

    assert examples
    assert lint.findings(examples) == []
