"""Workers in the admin."""

import pytest
from django.urls import reverse

from django_durable.models import Worker

pytestmark = pytest.mark.django_db


def test_workers_are_shown(client, operator):
    operator("view_worker")
    Worker.objects.register(Worker.Kind.WORKER, queues=["mail"])

    text = client.get(reverse("admin:django_durable_worker_changelist")).text

    assert "mail" in text
