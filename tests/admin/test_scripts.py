"""Which scripts the console's pages load: none that a strict policy stops."""

import re

import pytest
from django.contrib.admin.utils import quote
from django.urls import reverse

from django_durable import clock
from django_durable.models import Worker
from tests import workflows

pytestmark = [pytest.mark.django_db, pytest.mark.once]


def test_no_page_wants_the_jquery_of_the_admin(admin_client):
    workflow_id = workflows.total.start(1, 2).workflow_id
    now = clock.now()
    worker = Worker.objects.create(
        host="host", pid=1, kind="worker", started_at=now, heartbeat_at=now
    )
    paths = [
        reverse(f"admin:django_durable_{name}", args=args)
        for name, args in (
            ("workflow_changelist", []),
            ("workflow_change", [quote(workflow_id)]),
            ("worker_changelist", []),
            ("worker_change", [quote(str(worker.pk))]),
        )
    ]

    pages = [admin_client.get(path) for path in paths]

    assert {page.status_code for page in pages} == {200}
    for page in pages:
        scripts = re.findall(r'<script[^>]*src="([^"]+)"', page.content.decode())
        assert any("core.js" in script for script in scripts)
        assert not [script for script in scripts if re.search("jquery|prepop", script)]
