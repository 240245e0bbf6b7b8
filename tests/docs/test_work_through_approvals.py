"""The how-to about approvals."""

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group

import django_durable as durable
from django_durable.admin import DurableWorkflowAdmin
from django_durable.models import Workflow
from django_durable.testing import run_until_idle

pytestmark = [pytest.mark.django_db, pytest.mark.once]


@pytest.fixture
def how_to(import_page):
    return import_page("how-to/work-through-approvals.md")


def test_a_verdict_lets_the_workflow_of_the_page_go_on(how_to):
    handle = how_to.refund.start(1)
    run_until_idle()

    durable.send(handle, {"approved": True}, "verdict")
    run_until_idle()

    assert handle.get_result() is True


def test_the_class_of_the_page_leaves_verdicts_to_a_group(how_to, rf, admin_user):
    site = admin.AdminSite()
    site.register(Workflow, DurableWorkflowAdmin)
    how_to.take_over(site)
    ours = site.get_model_admin(Workflow)
    workflow = Workflow.objects.get(pk=how_to.refund.start(1).workflow_id)
    request = rf.get("/")
    request.user = admin_user

    def may(topic):
        return ours.has_topic_permission(request, workflow, topic)

    assert [may("verdict"), may("anything else")] == [False, True]
    admin_user.groups.add(Group.objects.create(name="finance"))
    assert may("verdict") is True
