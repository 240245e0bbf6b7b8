"""Without its migrations the console asks the tables for nothing, and says why."""

import pytest
from django.contrib.auth.models import User
from django.urls import reverse

from django_durable.admin.figures import condition
from django_durable.models import Workflow
from tests.admin.everywhere import ALL, NEVER, NEVER_OF_A_WORKER, addresses
from tests.admin.pages import answer, queued
from tests.counting import noted_writes

pytestmark = [pytest.mark.django_db, pytest.mark.once]

TEXT = "0009_more. Apply them: python manage.py migrate"
# Django's own, of one row.
OF_A_ROW = {"change", "history", "worker_change", "worker_history"}


@pytest.fixture
def unmigrated(monkeypatch):
    """Have a migration that the database lacks."""
    monkeypatch.setattr(condition, "missing_migrations", lambda using: ["0009_more"])


@pytest.mark.usefixtures("unmigrated")
def test_every_page_says_which_migrations_are_missing(client, operator):
    operator(*ALL)

    for name, (address, _needed) in addresses("x").items():
        if name not in {*OF_A_ROW, *NEVER, *NEVER_OF_A_WORKER}:
            response = client.get(address)
            assert response.status_code == 200, name
            is_data = "/api/" in address
            assert TEXT in (response.json()["alarm"] if is_data else response.text)


@pytest.mark.usefixtures("unmigrated")
def test_a_form_does_nothing_while_migrations_are_missing(client, operator):
    operator(*ALL)
    workflow = queued()
    address = reverse("admin:django_durable_workflow_cancel", args=[workflow.pk])

    with noted_writes() as written:
        response = client.post(address, answer())

    assert TEXT in response.text
    assert written == []
    assert Workflow.objects.get().status == Workflow.Status.ENQUEUED


@pytest.mark.usefixtures("unmigrated")
def test_who_may_not_see_a_page_is_not_told_what_it_lacks(client):
    client.force_login(User.objects.create_user("x", is_staff=True))

    for name, (address, _needed) in addresses("x").items():
        if name not in {*OF_A_ROW, *NEVER, *NEVER_OF_A_WORKER}:
            assert client.get(address).status_code == 403, name
