"""``workflows check``: what a deploy would meet, and an exit code for it."""

import pytest

import django_durable as durable
from django_durable.definitions import registry
from django_durable.models import Workflow
from django_durable.testing import run_until_idle
from tests import workflows
from tests.counting import noted_writes

pytestmark = pytest.mark.django_db

NAME = "checked.deployed"


def before():
    workflows.add(1, 2)
    workflows.enter("here")
    durable.recv("go")


def after():
    workflows.enter("here")
    workflows.add(1, 2)
    durable.recv("go")


def harmless():
    """Log, too."""
    total = workflows.add(1, 2)
    durable.logger.info("total %s", total)
    workflows.enter("here")
    durable.recv("go")


@pytest.fixture
def deploy(monkeypatch):
    """Replace the code of one name, as a deploy does between two processes."""

    def deploy(function, version="1"):
        monkeypatch.setattr(registry, "_definitions", dict(registry._definitions))
        registry._definitions.pop(NAME, None)
        return durable.workflow(NAME, version=version)(function)

    return deploy


@pytest.fixture
def waiting(deploy):
    """Two that wait and one that has ended."""
    definition = deploy(before)
    for pk in ("one", "two", "ended"):
        definition.using(workflow_id=pk).start()
    durable.send("ended", "now", "go")
    run_until_idle()


def test_code_that_fits_is_no_error(cli, deploy, waiting):
    deploy(harmless)

    answer = cli("check")

    assert (answer.code, answer.err) == (0, "")
    assert answer.out == "Workflows checked: 2. The code fits 2 of them.\n"


def test_what_does_not_fit_is_told_with_the_place_in_the_code(cli, deploy, waiting):
    deploy(after)

    answer = cli("check", "--name", NAME)

    line = after.__code__.co_firstlineno + 1
    assert answer.code == 1
    assert answer.out.splitlines() == [
        f"one ({NAME})",
        "    Step 1 was recorded as 'tests.workflows.add', but the code now calls"
        " 'tests.workflows.enter'.",
        f"    tests/management/test_check.py:{line}",
        f"two ({NAME})",
        "    Step 1 was recorded as 'tests.workflows.add', but the code now calls"
        " 'tests.workflows.enter'.",
        f"    tests/management/test_check.py:{line}",
        "Workflows checked: 2. The code fits 0 of them.",
    ]
    assert answer.err == "The code does not fit 2.\n"


def test_json_has_counts_and_what_does_not_fit(cli, deploy, waiting):
    deploy(after, version="2")

    answer = cli("check", "--json")

    document = answer.document
    assert answer.code == 1
    assert (document["checked"], document["diverged"]) == (2, 2)
    assert document["stranded"] == 2
    (one, two) = document["workflows"]
    assert (one["id"], two["id"]) == ("one", "two")
    assert (one["version"], one["version_at_hand"]) == ("1", "2")
    assert one["is_stranded"] is True
    found = one["divergence"]
    assert found.pop("file").endswith("tests/management/test_check.py")
    assert found == {
        "kind": "step",
        "message": found["message"],
        "branch": "",
        "step_id": 1,
        "recorded": "tests.workflows.add",
        "called": "tests.workflows.enter",
        "line": after.__code__.co_firstlineno + 1,
    }


def test_what_would_be_stranded_is_told_and_is_no_error(cli, deploy, waiting):
    deploy(harmless, version="2")

    answer = cli("check")

    assert answer.code == 0
    assert answer.out.splitlines()[1:] == [
        f"Stranded by this code: 2 of {NAME}, version 1; the code has 2."
    ]


def test_a_name_without_code_does_not_fit(cli, waiting):
    registry._definitions.pop(NAME)

    answer = cli("check")

    assert answer.code == 1
    assert f"There is no workflow named '{NAME}'" in answer.out
    assert "version 1; there is no code." in answer.out


def test_a_sample_of_what_has_ended_is_checked_on_request(cli, deploy, waiting):
    Workflow.objects.filter(pk__in=["one", "two"]).cancel()
    deploy(after)

    assert cli("check").out.startswith("Workflows checked: 0.")
    assert cli("check", "--sample", "1").code == 1
    assert cli("check", "--status", "success").code == 1
    everything = cli("check", "--sample", "9", "--status", "finished", "--json")
    assert everything.document["checked"] == 3


# Each database has its own order of ids, and a batch begins where one ended.
ODD_IDS = ("b", "A", "_", "a-1", "a", "é", "Z", "ß", "a1", "E", "10", "9")


def test_all_are_checked_once_however_many_and_however_named(cli, deploy, monkeypatch):
    monkeypatch.setattr("django_durable.management.workflows.checking._BATCH", 2)
    definition = deploy(before)
    for pk in ODD_IDS:
        definition.using(workflow_id=pk).start()
    run_until_idle()
    deploy(after)

    document = cli("check", "--json").document

    assert document["checked"] == len(ODD_IDS)
    assert sorted(each["id"] for each in document["workflows"]) == sorted(ODD_IDS)


def test_nothing_of_a_check_is_written(cli, deploy, waiting):
    deploy(after)
    stored = list(Workflow.objects.order_by("pk").values())

    with noted_writes() as written:
        assert cli("check", "--sample", "9").code == 1

    assert written == []
    assert list(Workflow.objects.order_by("pk").values()) == stored


def test_nothing_to_check_is_fine_unless_something_was_asked_for(cli):
    assert cli("check").code == 0
    assert cli("check", "--name", "nobody").code == 3
    assert cli("check", "--sample", "0").code == 2
