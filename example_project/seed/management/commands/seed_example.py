"""Fill the console with a week of the teahouse."""

from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError
from django.db.models import Count

from django_durable.models import Workflow
from example_project.seed.week import CannotSeed, live_through


class Command(BaseCommand):
    """``manage.py seed_example``."""

    help = (
        "Lives through a week of the shop in a few seconds, so that the console has"
        " something to show; for development, and harmless when it is done already."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        """See help."""
        if not settings.DEBUG:
            raise CommandError("This is for development: DEBUG is off.")
        try:
            made = live_through()
        except CannotSeed as problem:
            raise CommandError(f"Nothing was done: {problem}.") from None
        self._say(f"{made} workflows were made." if made else "It is all there.")
        counts = Workflow.objects.values_list("status").annotate(Count("pk"))
        for status, count in counts.order_by("status"):
            self._say(f"  {Workflow.Status(status).label}: {count}")
        self._make_user()
        self._say("Look at it: python manage.py runserver, then /admin/.")

    def _make_user(self) -> None:
        users = get_user_model().objects
        if users.filter(username="demo").exists():
            self._say("Log in as demo.")
            return
        users.create_superuser("demo", password="demo")
        self._say("Log in as demo, password demo.")

    def _say(self, text: str) -> None:
        if self.verbosity:
            self.stdout.write(text)

    def execute(self, *args: Any, **options: Any) -> str | None:
        """Keep the verbosity."""
        self.verbosity = options.get("verbosity", 1)
        return super().execute(*args, **options)
