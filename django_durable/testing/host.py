"""A worker's surroundings with everything on the test's own thread."""

from django_durable.execution.one_thread import OneThread
from django_durable.models import Step, Workflow
from django_durable.models.checkpoint import Checkpoint, Recorded
from django_durable.models.outcome import Outcome
from django_durable.models.publication import Publication


class Crash(BaseException):
    """The process is dead, as ``crash_everywhere()`` plays it.

    A BaseException, so that no ``except Exception`` revives it; caught by
    ``run_until_idle()``, which goes on as the next process.
    """


class OneThreadHost(OneThread):
    """Writes each row by itself; the database's faults are the test's to see."""

    passes_through: tuple[type[BaseException], ...] = (Crash, KeyboardInterrupt)

    def record(self, checkpoint: Checkpoint) -> Recorded:
        return Step.objects.using(self.using).record([checkpoint])[0]

    def finish(self, outcome: Outcome) -> Recorded:
        return Workflow.objects.using(self.using).finish([outcome])[0]

    def publish(self, row: Publication) -> Recorded:
        return Step.objects.using(self.using).publish([row])[0]
