from django.apps import AppConfig


class ChaosConfig(AppConfig):
    """Brings the workflows of the experiments, and notes takeovers."""

    name = "tests.chaos"

    def ready(self) -> None:
        from django_durable import signals
        from tests.chaos import (  # noqa: F401
            forking,
            letters,
            takeovers,
            talk,
            troubles,
            waits,
            writers,
        )

        signals.workflow_recovered.connect(takeovers.note)
