"""How long do the pages of the admin take beside a million workflows?

A tenth as many are queued, a fiftieth waits, some of them for a person. Whole pages
are measured, from the request to the last byte, as a superuser sees them; and how
many statements each takes, those of the session included.
"""

from collections.abc import Callable, Iterator

from django.contrib import admin
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import path, reverse

from benchmarks import elsewhere, running
from benchmarks.population import STEPS_OF, populate
from benchmarks.rounds import Case
from django_durable.models import Workflow

urlpatterns = [path("admin/", admin.site.urls)]

REQUESTS = 10


def addresses() -> dict[str, str]:
    """Return the pages by what they show."""
    listing = reverse("admin:django_durable_workflow_changelist")
    one = reverse("admin:django_durable_workflow_change", args=[STEPS_OF])
    return {
        "dashboard": reverse("admin:app_list", args=["django_durable"]),
        "its numbers as JSON": reverse("admin:django_durable_api_status"),
        "list": listing,
        "list of all": f"{listing}?window=all&level=all",
        "list of failed": f"{listing}?state=failed&window=all&level=all",
        "queues": reverse("admin:django_durable_queues"),
        "inbox": reverse("admin:django_durable_approvals"),
        "workflow": one,
    }


def cases(*, quick: bool, peer: str | None = None) -> Iterator[Case]:
    """Return what to measure."""
    ended, steps = (50_000, 1_000) if quick else (1_000_000, 10_000)
    for name, address in addresses().items():
        size = f"{steps:,} steps" if name == "workflow" else f"{ended:,} ended"
        for unit, what, measure in (
            ("ms", "time", milliseconds),
            ("statements", "statements", statements),
        ):
            yield Case(
                f"{what} of {name}, {size}",
                unit,
                _measuring(measure, address, ended, steps),
            )


def _measuring(
    measure: Callable[[Client, str], list[float]], address: str, ended: int, steps: int
) -> Callable[[], list[float]]:
    return lambda: measure(visitor(ended, steps), address)


def visitor(ended: int, steps: int) -> Client:
    """Return somebody who may see everything, in a full installation."""
    elsewhere.dismiss()
    if not Workflow.objects.exists():
        populate(ended, steps)
    user, _ = User.objects.get_or_create(
        username="ana", is_staff=True, is_superuser=True
    )
    client = Client()
    client.force_login(user)
    return client


def milliseconds(client: Client, address: str) -> list[float]:
    """Return how long each request takes; the first one is not counted."""
    _get(client, address)
    return [
        1000 * running.seconds_for(lambda: _get(client, address))
        for _ in range(REQUESTS)
    ]


def statements(client: Client, address: str) -> list[float]:
    """Return how many statements a request takes."""
    _get(client, address)
    with CaptureQueriesContext(connection) as queries:
        _get(client, address)
    return [float(len(queries))]


def _get(client: Client, address: str) -> None:
    assert client.get(address).status_code == 200, address
