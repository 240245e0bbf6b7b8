"""The table of steps, filtered."""

import pytest

from tests.admin.pages import page
from tests.admin.test_detail import steps_of, stored

pytestmark = pytest.mark.django_db


def test_steps_are_found_by_their_names(client, operator):
    operator("view_workflow")
    stored()
    steps_of("w", 130)

    found = client.get(page("w"), {"named": "P_1", "steps": "1"})
    none = client.get(page("w"), {"named": '"><b>\x00'})

    assert [step.row.step_id for step in found.context["table"].rows][:2] == [1, 10]
    assert found.context["table"].total == 42
    assert 'value="P_1"' in found.text
    assert none.context["table"].rows == []
    assert '"><b>' not in none.text
    second = client.get(page("w"), {"named": "step", "steps": "2"})
    assert "?steps=1&amp;named=step#durable-steps" in second.text
