"""The how-to about the admin."""

import pytest
from django.contrib import admin

from django_durable.admin import DurableWorkflowAdmin
from django_durable.admin.actions.schemas import schema_for
from django_durable.admin.actions.starting import offered
from django_durable.models import Workflow
from tests.admin.pages import queued

pytestmark = pytest.mark.django_db


@pytest.fixture
def how_to(import_page):
    return import_page("how-to/operate-in-the-admin.md")


def test_the_schema_of_the_page_is_found(how_to):
    assert schema_for(how_to.buy.name, "approval") is how_to.Approval


def test_the_workflow_of_the_page_is_offered(how_to):
    assert how_to.rebuild_index.name in offered()


def test_the_class_of_the_page_takes_over(how_to, rf, admin_user):
    site = admin.AdminSite()
    site.register(Workflow, DurableWorkflowAdmin)
    how_to.take_over(site, Workflow)
    request = rf.get("/")
    request.user = admin_user
    ours = site.get_model_admin(Workflow)

    assert ours.has_cancel_permission(request, queued())
    assert not ours.has_cancel_permission(request, queued(queue_name="payments"))
