"""Prometheus: how much there is to do, and how much this process does."""

import os
from collections.abc import Iterable, Sequence
from typing import Any

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Summary,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from django_durable import clock, conf, signals
from django_durable.models import Queue, Step, Worker, Workflow
from django_durable.models.usage import usage_of

# The kinds of steps whose names stand in the code; those of others hold keys.
_NAMED = {Step.Kind.STEP, Step.Kind.TRANSACTION}


class WorkflowCollector(Collector):
    """Asks the database at each scrape: a few counts that stop at 10,000."""

    def describe(self) -> Iterable[Metric]:
        """Ask nothing when it is registered."""
        return []

    def collect(self) -> Iterable[Metric]:
        """Return the gauges of all queues."""
        using = conf.current().database
        depths = Workflow.objects.using(using).depths()
        count = GaugeMetricFamily(
            "durable_workflows",
            "Workflows in a state, up to 10000 of each.",
            labels=["queue", "state"],
        )
        oldest = GaugeMetricFamily(
            "durable_oldest_ready_seconds",
            "How long the first ready workflow of a queue has waited for a worker.",
            labels=["queue"],
        )
        for depth in depths:
            count.add_metric([depth.queue_name, depth.state], depth.number)
            if depth.state == "ready" and depth.since is not None:
                age = (clock.now() - depth.since).total_seconds()
                oldest.add_metric([depth.queue_name], max(0.0, age))
        paused = GaugeMetricFamily(
            "durable_queue_paused",
            "Whether somebody has paused a queue; of those that were ever paused.",
            labels=["queue"],
        )
        queues = list(Queue.objects.using(using).order_by("name"))
        for queue in queues:
            paused.add_metric([queue.name], float(queue.paused_at is not None))
        workers = GaugeMetricFamily(
            "durable_workers",
            "Processes that hold a lease.",
            value=Worker.objects.using(using).live().count(),
        )
        return [count, oldest, paused, *_limits(using, queues), workers]


def _limits(using: str, queues: Sequence[Queue]) -> list[Metric]:
    """Return gauges of the queues with limits: what these are, and what is used."""
    limit = GaugeMetricFamily(
        "durable_queue_limit",
        "How many workflows of a queue may run at once, or start in its period.",
        labels=["queue", "limit"],
    )
    used = GaugeMetricFamily(
        "durable_queue_used",
        "How much of its limit a queue has used.",
        labels=["queue", "limit"],
    )
    limited = [(queue.name, queue.limits) for queue in queues if queue.is_limited]
    for usage in usage_of(using, limited, clock.now()):
        for name, most, number in (
            ("concurrency", usage.limits.concurrency, usage.running),
            ("rate", usage.limits.rate, usage.started),
        ):
            if most is not None:
                limit.add_metric([usage.queue_name, name], most)
                used.add_metric([usage.queue_name, name], number)
    return [limit, used]


class ProcessMetrics:
    """Counts what this process hears of its own work."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.executions = Counter(
            "durable_executions",
            "Executions that have begun: one for each claim.",
            ["workflow", "queue"],
            registry=registry,
        )
        self.ended = Counter(
            "durable_ended",
            "Workflows that have ended here.",
            ["workflow", "queue", "outcome"],
            registry=registry,
        )
        self.steps = Summary(
            "durable_step_seconds",
            "Steps that were recorded, and how long they took.",
            ["kind", "step", "outcome"],
            registry=registry,
        )
        self.lease_losses = Counter(
            "durable_lease_losses",
            "How often this process was taken for dead.",
            registry=registry,
        )

    def connect(self) -> None:
        """Hear of everything, once."""
        for signal, receiver in (
            (signals.workflow_started, self.on_started),
            (signals.workflow_finished, self.on_finished),
            (signals.workflow_failed, self.on_failed),
            (signals.step_finished, self.on_step),
            (signals.lease_lost, self.on_lease_lost),
        ):
            signals.connect_quick(signal, receiver, f"metrics.{receiver.__name__}")

    def on_started(self, name: str, queue_name: str, **_: Any) -> None:
        self.executions.labels(name, queue_name).inc()

    def on_finished(self, name: str, queue_name: str, **_: Any) -> None:
        self.ended.labels(name, queue_name, "success").inc()

    def on_failed(self, name: str, queue_name: str, **_: Any) -> None:
        self.ended.labels(name, queue_name, "error").inc()

    def on_step(
        self, step_name: str, kind: str, seconds: float, failed: bool, **_: Any
    ) -> None:
        step = step_name if kind in _NAMED else ""
        outcome = "error" if failed else "success"
        self.steps.labels(kind, step, outcome).observe(max(0.0, seconds))

    def on_lease_lost(self, **_: Any) -> None:
        self.lease_losses.inc()


_process: ProcessMetrics | None = None


def instrument(registry: CollectorRegistry = REGISTRY) -> None:
    """Count what this process does, in a registry; once."""
    global _process
    if _process is None:
        _process = ProcessMetrics(registry)
        _process.connect()


def exposition() -> tuple[bytes, str]:
    """Return what a scraper reads, and its content type.

    That of the database and of this process; with PROMETHEUS_MULTIPROC_DIR, of all
    processes that share the directory.
    """
    registry = CollectorRegistry(auto_describe=False)
    registry.register(WorkflowCollector())
    text = generate_latest(registry)
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        shared = CollectorRegistry()
        MultiProcessCollector(shared)  # type: ignore[no-untyped-call]
        return text + generate_latest(shared), CONTENT_TYPE_LATEST
    return text + generate_latest(REGISTRY), CONTENT_TYPE_LATEST
