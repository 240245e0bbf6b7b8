"""Deploys and rehearsals."""

import pytest
from django.db import connection

import django_durable as durable
from django_durable.definitions import registry
from django_durable.execution.checking import check
from django_durable.models import Notification, Step, Wait, Workflow
from django_durable.testing import run_until_idle
from tests.models import Entry
from tests.rehearsals.definitions import NAME, is_rehearsing


@pytest.fixture
def deploy(monkeypatch):
    """Replace the code of one name, as a deploy does between two processes."""

    def deploy(function, **options):
        monkeypatch.setattr(registry, "_definitions", dict(registry._definitions))
        registry._definitions.pop(NAME, None)
        return durable.workflow(NAME, **{"version": "1", **options})(function)

    return deploy


@pytest.fixture
def rehearse():
    """Check workflows while steps fail the test and all that is not read too."""

    def refuse(execute, sql, *rest):
        assert sql.lstrip().startswith(("SELECT", "SAVEPOINT", "RELEASE")), sql
        return execute(sql, *rest)

    def rehearse(*handles):
        rows = list(Workflow.objects.order_by("created_at", "pk"))
        before = stored()
        is_rehearsing["now"] = True
        try:
            with connection.execute_wrapper(refuse):
                found = list(check(rows))
        finally:
            is_rehearsing["now"] = False
        assert stored() == before
        return found

    return rehearse


def stored():
    models = (Workflow, Step, Wait, Notification, Entry)
    return [list(model.objects.order_by("pk").values()) for model in models]


@pytest.fixture
def diverges(deploy, rehearse):
    """Return how new code differs from what old code has recorded, if it does."""

    def diverges(old, new, *, ended=False):
        handle = deploy(old).start()
        if ended:
            durable.send(handle, "x", "go")
        run_until_idle()
        deploy(new)
        return {each.workflow_id: each for each in rehearse()}[
            handle.workflow_id
        ].divergence

    return diverges
