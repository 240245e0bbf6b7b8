"""Ids that no workflow has, and rows that nobody should have written."""

from datetime import UTC, datetime

import pytest

from django_durable.models import Workflow
from tests import workflows

ODD_IDS = ["nope", "", "\0", "\udcff", "x" * 10_000, "'; DROP TABLE x--", "👻"]


@pytest.mark.parametrize(
    "words",
    [
        ["show"],
        ["steps"],
        ["events"],
        ["stream"],
        ["cancel"],
        ["resume"],
        ["restart"],
        ["fork", "--from-step", "1"],
        ["delete"],
    ],
    ids=lambda words: words[0],
)
def test_an_unknown_id_ends_with_3(cli, words):
    for workflow_id in ODD_IDS:
        answer = cli(*words, workflow_id)

        assert (answer.code, answer.out) == (3, "")
        assert answer.err.startswith("There is no workflow")
        assert max(map(len, answer.err.splitlines())) < 300


def test_a_message_to_an_unknown_id_ends_with_3(cli):
    for workflow_id in ODD_IDS:
        assert cli("send", workflow_id, "1").code == 3


def test_rows_that_somebody_has_changed_by_hand_are_shown(cli, settings):
    settings.TIME_ZONE = "Asia/Tokyo"
    workflows.total.using(workflow_id="odd").start()
    far = datetime(9999, 12, 31, 23, tzinfo=UTC)
    Workflow.objects.filter(pk="odd").update(
        status="NOPE", recovery_attempts=-1, parent="gone", created_at=far
    )

    assert "NOPE" in cli("show", "odd").out
    assert "9999-12-31 23:00:00" in cli("list").out
    assert cli("show", "odd", "--json").document["recovery_attempts"] == -1
