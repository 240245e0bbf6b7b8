"""What every worker does for all: dead workers, forgotten waits, old workflows."""

import logging
from datetime import timedelta

from django.db import connections, transaction

from django_durable import clock, conf, signals
from django_durable.models import Wait, Worker, Workflow, sql
from django_durable.worker.pruning import Pruning

logger = logging.getLogger("django_durable")

# Rows of workers that ended are kept so long, for people to look at.
KEEP_WORKERS = timedelta(days=7)


class Housekeeping:
    """Runs behind the heartbeats of a worker, on their connection."""

    def __init__(self, using: str) -> None:
        self._using = using
        self._swept_at = clock.monotonic()
        self._pruning = Pruning(using)

    def tidy(self) -> bool:
        """Look for dead workers, and sweep when it is time; True if it helped."""
        helped = self._recover()
        if clock.monotonic() - self._swept_at >= conf.current().sweep:
            self._swept_at = clock.monotonic()
            helped += self._sweep()
            self._pruning.begin()
        self._pruning.go_on()
        return helped > 0

    def _recover(self) -> int:
        Worker.objects.using(self._using).declare_dead()
        recovered = Workflow.objects.using(self._using).requeue_abandoned()
        if recovered:
            signals.publish(self._using, signals.QUEUE)
        return len(recovered)

    def _sweep(self) -> int:
        """Repair what a crash or a busy row swallowed; one worker at a time."""
        with transaction.atomic(using=self._using):
            if not sql.try_exclusive(connections[self._using]):
                return 0
            workflows = Workflow.objects.using(self._using)
            woken = Wait.objects.using(self._using).wake_met()
            woken += workflows.wake_forgotten()
        Worker.objects.using(self._using).forget(older_than=KEEP_WORKERS)
        if woken:
            logger.info("Workflows that only the sweep has woken: %d", woken)
        return woken
