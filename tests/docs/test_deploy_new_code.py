"""The how-to page about deploys: versions, patches, checks."""

import pytest

import django_durable as durable
from django_durable.definitions import registry
from django_durable.models import Workflow
from django_durable.testing import run_until_idle
from tests.running import result_of, row_of, worker

PAGE = "how-to/deploy-new-code.md"


@pytest.mark.django_db(transaction=True)
def test_stranded_workflows_are_moved_to_the_present_code(import_page):
    page = import_page("how-to/deploy-new-code.md")
    handle = page.pay_for_order.start(1)
    Workflow.objects.filter(pk=handle.workflow_id).update(version="1")

    page.move_stranded(page.pay_for_order)

    assert row_of(handle).version == "2"
    with worker():
        assert result_of(handle) == "CHG-1"


@pytest.mark.django_db
def test_a_patched_workflow_outlives_its_patch(import_page, monkeypatch):
    page = import_page(PAGE)
    handle = registry.find("shop.workflows.ship").start(1)
    run_until_idle()
    monkeypatch.setattr(registry, "_definitions", {})
    durable.workflow(name="shop.workflows.ship", version="1")(page.ship_order)
    durable.send(handle, "yes", "picked")
    run_until_idle()

    assert handle.get_result() == "CHG-1"
    assert [step.name for step in row_of(handle).steps.order_by("step_id")] == [
        "patch(check stock first)",
        "shop.workflows.check_stock",
        "recv(picked)",
        "shop.workflows.charge",
    ]
