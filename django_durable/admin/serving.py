"""Filters of the list of workers: who claims workflows now, and from which queue.

They find whom the dashboard and the page of the queues count.
"""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from django_durable import clock
from django_durable.admin.figures.workers import Crew, crew
from django_durable.admin.listing.filters import GivenFilter


class ServingFilter(admin.SimpleListFilter):
    """Whether it claims workflows, as far as we know."""

    title = _("serving")
    parameter_name = "serving"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Offer one choice."""
        return [("yes", _("claims workflows"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Leave out who has ended, and direct calls."""
        if self.value() != "yes":
            return queryset
        return _those(queryset, _crew(queryset).serving)


class QueueFilter(GivenFilter):
    """The queue that it serves: only a link sets it."""

    title = _("queue")
    parameter_name = "queue"

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keep those with a fresh heartbeat that claim from it."""
        value = self.value()
        if not value:
            return queryset
        return _those(queryset, _crew(queryset).of_queue(value))


def _crew(rows: QuerySet[Any]) -> Crew:
    return crew(rows.db, clock.now(), {})


def _those(rows: QuerySet[Any], workers: tuple[Any, ...]) -> QuerySet[Any]:
    return rows.filter(pk__in=[each.pk for each in workers])
