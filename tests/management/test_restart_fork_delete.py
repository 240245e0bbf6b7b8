"""``workflows restart``, ``fork``, ``delete`` and ``prune``."""

from datetime import timedelta

import pytest

from django_durable import clock
from django_durable.models import Workflow
from django_durable.testing import run_until_idle
from tests import workflows
from tests.management.stored import finished, queued
from tests.workflows import calls

Status = Workflow.Status


def ids():
    return set(Workflow.objects.values_list("pk", flat=True))


def test_a_restarted_workflow_runs_again_under_a_new_id(cli):
    finished("sum")

    (told,) = cli("restart", "sum", "--json").document["workflows"]
    run_until_idle()

    copy = Workflow.objects.get(pk=told["new"])
    assert (copy.status, copy.forked_from_id) == (Status.SUCCESS, "sum")
    assert calls == [("add", 0, 1), ("add", 1, 2)]


def test_the_new_id_may_be_given_and_then_starts_once(cli):
    finished("sum")

    for _ in range(2):
        answer = cli("restart", "sum", "--id", "again")

    assert answer.out == "Restarted sum, new again.\n"
    assert ids() == {"sum", "again"}


def test_a_fork_keeps_the_first_steps(cli):
    finished("sum")

    answer = cli("fork", "sum", "--from-step", "2", "--id", "b", "--to-queue", "slow")
    run_until_idle()

    assert answer.out == "Forked sum, new b.\n"
    assert Workflow.objects.get(pk="b").queue_name == "slow"
    assert calls == [("add", 1, 2)]


@pytest.mark.parametrize("step", ["-1", "0", "4", "1000000000"])
def test_a_fork_from_a_step_that_is_not_there_is_refused(cli, step):
    finished("sum")

    answer = cli("fork", "sum", "--from-step", step, "--json")

    assert (answer.code, ids()) == (1, {"sum"})
    (told,) = answer.document["workflows"]
    assert f"Cannot fork workflow 'sum' from step {step}" in told["error"]


@pytest.mark.once
@pytest.mark.parametrize(
    "words",
    [
        ["fork", "sum"],
        ["fork", "sum", "--from-step", "two"],
        ["fork", "sum", "--from-step", "9" * 5000],
        ["fork", "sum", "--from-step", "1", "--id", "a/b"],
        ["fork", "sum", "--from-step", "1", "--to-queue", "a,b"],
        ["restart", "sum", "sum", "--id", "x"],
        ["restart", "--all", "--status", "success", "--yes", "--id", "x"],
        ["restart", "sum", "--id", "\ud800"],
        ["restart", "sum", "--id", ""],
        ["delete", "--all", "--yes"],
        ["prune"],
        ["prune", "--older-than", "soon"],
        ["prune", "--older-than", "600w"],
        ["prune", "--older-than", "0", "--status", "running"],
        ["prune", "--older-than", "0", "--limit", "0"],
    ],
    ids=lambda words: " ".join(words)[:40].encode("ascii", "replace").decode(),
)
def test_what_makes_no_sense_changes_nothing(cli, words):
    finished("sum")

    answer = cli(*words)

    assert (answer.code, answer.out, ids()) == (2, "", {"sum"})
    assert len(answer.err.splitlines()) == 1


@pytest.mark.parametrize(
    "words", [["restart"], ["fork", "--from-step", "1"], ["delete"]], ids=" ".join
)
def test_an_unknown_id_ends_with_3(cli, words):
    assert cli(*words, "nope").code == 3


def test_only_finished_workflows_are_deleted(cli):
    finished("done")
    queued("active")

    answer = cli("delete", "done", "active")

    assert (answer.code, answer.out) == (1, "Deleted done.\n")
    assert "Cannot delete workflow 'active'" in answer.err
    assert ids() == {"active"}


def test_children_are_deleted_along_and_counted(cli):
    workflows.book.using(workflow_id="order").start("a")
    run_until_idle()

    assert cli("delete", "order").out == "Deleted order, children 1.\n"
    assert ids() == set()


def test_bulk_deletion_counts_what_filters_kept_and_their_children(cli):
    finished("a", "b")
    workflows.book.using(workflow_id="order").start("a")
    run_until_idle()
    queued("active")

    answer = cli("delete", "--all", "--status", "success", "--yes")
    assert answer.out == "Deleted: 4 of 4.\n"

    workflows.book.using(workflow_id="order").start("b")
    run_until_idle()
    answer = cli("delete", "--all", "--name", workflows.book.name, "--yes")
    assert answer.out == "Deleted: 1 of 1, and 1 children.\n"
    assert ids() <= {"active"}


def test_restart_and_fork_in_bulk_take_the_finished_ones(cli):
    finished("a", "b")
    queued("active")

    restarted = cli("restart", "--all", "--name", workflows.total.name, "--yes")
    forked = cli(
        *("fork", "--from-step", "2", "--all", "--status", "success"),
        *("--yes", "--json"),
    )

    assert restarted.out == "Restarted: 2 of 2.\n"
    assert forked.document == {"matched": 2, "done": 2}
    assert Workflow.objects.filter(forked_from__isnull=False).count() == 4


def test_prune_deletes_what_ended_long_ago(cli):
    finished("old", "older", completed_at=clock.now() - timedelta(days=30))
    finished("new")
    finished(
        "dead",
        status=Status.MAX_RECOVERY_ATTEMPTS_EXCEEDED,
        completed_at=clock.now() - timedelta(days=30),
    )

    shown = cli("prune", "--older-than", "7d", "--dry-run", "--json")
    assert shown.document["matched"] == 2
    assert shown.document["by_status"]["SUCCESS"] == 2
    assert "success" in cli("prune", "--older-than", "7d", "--dry-run").out
    assert len(ids()) == 4

    assert cli("prune", "--older-than", "7d", "--limit", "1").out == "Deleted: 1.\n"
    assert cli("prune", "--older-than", "7d", "--json").document["done"] == 1
    assert ids() == {"new", "dead"}
    assert cli("prune", "--older-than", "7d", "--status", "dead").out == "Deleted: 1.\n"


def test_prune_follows_the_retention_of_the_settings(cli, settings):
    settings.DURABLE = {"RETENTION": {"SUCCESS": 86_400}}
    finished("old", completed_at=clock.now() - timedelta(days=2))
    finished("new")

    answer = cli("prune")

    assert (answer.code, answer.out) == (0, "Deleted: 1.\n")
    assert ids() == {"new"}
    assert (cli("prune").code, cli("prune").out) == (0, "Deleted: 0.\n")
