"""What nobody has the code for says so wherever its status is shown."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from django_durable.models import Worker, Workflow
from example_project.orders.models import Order
from tests.admin.pages import LIST, page, queued

pytestmark = [pytest.mark.django_db, pytest.mark.once]

BADGE = "dd-badge dd-stranded"
ROWS = reverse("admin:django_durable_api_rows")


@pytest.fixture
def family():
    """Have a stranded workflow with a stranded child, and one that is well."""
    order = Order.objects.create(customer="Ana")
    well = queued(subject=order, workflow_id="well")
    old = queued(subject=order, workflow_id="old")
    child = queued(workflow_id="child")
    Workflow.objects.filter(pk__in=["old", "child"]).update(version="older")
    Workflow.objects.filter(pk="child").update(parent="well")
    Worker.objects.register(Worker.Kind.WORKER, definitions=[(well.name, well.version)])
    return order, well, old, child


def test_it_is_told_in_the_list_the_page_and_the_question(client, operator, family):
    operator("view_workflow", "cancel_workflow", "view_order")
    order, well, old, child = family
    addresses = {
        LIST: 1,
        page(old): 1,
        page(old, "cancel"): 1,
        page(well): 1,  # Its child.
        page(child): 1,
        page(well, "cancel"): 0,
        reverse("admin:orders_order_change", args=[order.pk]): 1,
    }

    shown = {each: client.get(each).text.count(BADGE) for each in addresses}

    assert shown == addresses


def test_an_open_page_hears_of_it(client, operator, family):
    operator("view_workflow")

    before = client.get(ROWS, {"ids": ["old", "well"]}).json()["rows"]
    Worker.objects.all().delete()
    after = client.get(ROWS, {"ids": ["old", "well"]}).json()["rows"]
    one = client.get(reverse("admin:django_durable_api_live", args=["old"])).json()

    assert before["old"]["stranded"]["word"] == "stranded"
    assert before["well"]["stranded"] == ""
    assert after["well"]["stranded"]["kind"] == "stranded"
    assert one["rows"]["old"]["stranded"]["kind"] == "stranded"


def test_what_has_ended_is_not_asked_for_its_code(client, operator, family):
    operator("view_workflow")
    Workflow.objects.update(status=Workflow.Status.PENDING)

    with CaptureQueriesContext(connection) as executed:
        text = client.get(LIST).text

    assert BADGE not in text
    asked = 'SELECT "django_durable_worker"."definitions"'
    assert not any(each["sql"].startswith(asked) for each in executed)
