import os

from django.apps import AppConfig


class JourneysConfig(AppConfig):
    """Brings the journeys' workflows, and the faults that a test asks for."""

    name = "tests.journeys"

    def ready(self) -> None:
        from tests.journeys import faults

        for name in os.environ.get("JOURNEY_FAULTS", "").split():
            faults.FAULTS[name]()
