"""Metrics of workflows, for Prometheus."""

from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import path
from prometheus_client import CollectorRegistry

import django_durable as durable
from django_durable import clock, signals
from django_durable.models import Workflow
from django_durable.telemetry import metrics, views
from django_durable.telemetry.metrics import ProcessMetrics, WorkflowCollector
from django_durable.testing import run_until_idle

pytestmark = pytest.mark.django_db

urlpatterns = [path("metrics", views.metrics)]


@durable.step
def works():
    durable.set_event("key", 1)


@durable.step
def breaks():
    raise LookupError


@durable.workflow(queue_name="mail")
def succeeds(key):
    works()
    durable.set_event(key, 1)


@durable.workflow
def fails():
    breaks()


@durable.workflow(queue_name="mail")
def waits():
    durable.recv()


@pytest.fixture
def process():
    """What the process counts, in a registry of its own."""
    registry = CollectorRegistry()
    counted = ProcessMetrics(registry)
    counted.connect()
    yield registry
    del counted


def put(count, status, *, queue="default", age=0, **fields):
    """Store workflows in a state."""
    since = clock.now() - timedelta(seconds=age)
    rows = [
        Workflow(
            **{"run_after": since, "created_at": since, "changed_at": since, **fields},
            name="n",
            version="1",
            inputs="json:[{}]",
            status=status,
            queue_name=queue,
        )
        for _ in range(count)
    ]
    Workflow.objects.bulk_create(rows)


def gauges():
    """Return what the collector says, by name and labels."""
    registry = CollectorRegistry()
    registry.register(WorkflowCollector())
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in registry.collect()
        for sample in family.samples
    }


def test_workflows_are_counted_by_queue_and_state():
    status = Workflow.Status
    put(2, status.ENQUEUED, age=3000)
    put(1, status.ENQUEUED, queue="mail", age=9000)
    put(1, status.ENQUEUED, run_after=clock.now() + timedelta(hours=1))
    put(3, status.PENDING)
    put(4, status.WAITING, queue="mail")
    put(1, status.PAUSED)
    dead = status.MAX_RECOVERY_ATTEMPTS_EXCEEDED
    put(2, dead, queue="mail", completed_at=clock.now())
    put(5, status.SUCCESS, completed_at=clock.now())
    durable.pause_queue("mail")
    durable.pause_queue("reports")
    durable.resume_queue("reports")
    durable.limit_queue("default", concurrency=4, rate=7, period=60)

    found = gauges()

    ages = {
        queue: found.pop(("durable_oldest_ready_seconds", queue))
        for queue in ("default", "mail")
    }
    assert found == {
        ("durable_workflows", "default", "ready"): 2,
        ("durable_workflows", "mail", "ready"): 1,
        ("durable_workflows", "default", "delayed"): 1,
        ("durable_workflows", "default", "running"): 3,
        ("durable_workflows", "mail", "waiting"): 4,
        ("durable_workflows", "default", "paused"): 1,
        ("durable_workflows", "mail", "dead"): 2,
        ("durable_queue_paused", "mail"): 1,
        ("durable_queue_paused", "reports"): 0,
        ("durable_queue_paused", "default"): 0,
        ("durable_queue_limit", "default", "concurrency"): 4,
        ("durable_queue_used", "default", "concurrency"): 3,
        ("durable_queue_limit", "default", "rate"): 7,
        ("durable_queue_used", "default", "rate"): 0,
        ("durable_workers",): 0,
    }
    assert 3000 <= ages["default"] < 6000
    assert 9000 <= ages["mail"] < 12_000


def test_counts_stop_where_they_say():
    put(5, Workflow.Status.WAITING)

    (depth,) = Workflow.objects.depths(most=3)

    assert (depth.queue_name, depth.state, depth.number) == ("default", "waiting", 3)


def test_a_scrape_costs_eight_statements_and_one_for_each_queue():
    for number in range(5):
        put(2, Workflow.Status.ENQUEUED, queue=f"queue {number}")

    with CaptureQueriesContext(connection) as queries:
        gauges()

    assert len(queries) == 8 + 5


@pytest.mark.once
def test_what_queues_in_one_queue_hides_no_other():
    put(5, Workflow.Status.ENQUEUED, queue="full")
    put(1, Workflow.Status.ENQUEUED, queue="slow")

    depths = Workflow.objects.depths(most=3)

    assert [(d.queue_name, d.number) for d in depths] == [("full", 3), ("slow", 1)]


@pytest.mark.once
def test_to_register_the_collector_asks_the_database_nothing(
    django_assert_num_queries,
):
    with django_assert_num_queries(0):
        CollectorRegistry(auto_describe=True).register(WorkflowCollector())


@pytest.mark.once
def test_a_process_counts_what_it_does(process):
    succeeds.start("order-1")
    fails.start()

    run_until_idle()
    signals.tell(signals.lease_lost, worker_id=None, kind="worker")

    def value(name, **labels):
        return process.get_sample_value(name, labels)

    own = {"workflow": succeeds.name, "queue": "mail"}
    failed = {"workflow": fails.name, "queue": "default"}
    assert value("durable_executions_total", **own) == 1
    assert value("durable_ended_total", **own, outcome="success") == 1
    assert value("durable_ended_total", **failed, outcome="error") == 1
    assert value("durable_lease_losses_total") == 1
    for name, outcome in ((works.name, "success"), (breaks.name, "error")):
        step = {"kind": "step", "step": name, "outcome": outcome}
        assert value("durable_step_seconds_count", **step) == 1
        assert value("durable_step_seconds_sum", **step) >= 0
    event = {"kind": "set_event", "step": "", "outcome": "success"}
    assert value("durable_step_seconds_count", **event) == 1


@pytest.fixture
def site(settings):
    """A project that has routed the page."""
    settings.ROOT_URLCONF = __name__
    settings.DURABLE = {"METRICS_TOKEN": "open sesame"}
    return Client()


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


@pytest.mark.once
def test_the_page_opens_with_the_token(site):
    waits.using(workflow_id="w").start()
    run_until_idle()

    page = site.get("/metrics", headers=bearer("open sesame"))

    assert page.status_code == 200
    assert page["Content-Type"].startswith("text/plain")
    assert "no-store" in page["Cache-Control"]
    line = 'durable_workflows{queue="mail",state="waiting"} 1.0'
    assert line in page.content.decode()


@pytest.mark.once
@pytest.mark.parametrize(
    "headers", [{}, bearer("sesame"), bearer(""), {"Authorization": "open sesame"}]
)
def test_the_page_is_closed_without_the_token(site, headers):
    assert site.get("/metrics", headers=headers).status_code == 403


@pytest.mark.once
@pytest.mark.parametrize("given", ["", "None"])
def test_without_a_token_in_the_settings_no_token_opens_it(site, settings, given):
    settings.DURABLE = {}

    assert site.get("/metrics", headers=bearer(given)).status_code == 403


@pytest.mark.once
def test_the_permission_to_see_workflows_opens_it(site):
    user = get_user_model().objects.create_user("grace", is_staff=True)
    site.force_login(user)
    before = site.get("/metrics").status_code

    user.user_permissions.add(Permission.objects.get(codename="view_workflow"))

    assert (before, site.get("/metrics").status_code) == (403, 200)
    assert site.post("/metrics").status_code == 405


@pytest.mark.once
def test_a_process_is_instrumented_once(monkeypatch):
    registry = CollectorRegistry()
    monkeypatch.setattr(metrics, "_process", None)

    metrics.instrument(registry)
    metrics.instrument(registry)

    assert registry.get_sample_value("durable_lease_losses_total") == 0
