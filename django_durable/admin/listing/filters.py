"""The filters beside the list. What they mean stands in narrowing.py."""

from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from django_durable import clock
from django_durable.admin.listing.choices import known_values
from django_durable.bulk import narrowing
from django_durable.display import visible

Lookups = list[tuple[str, Any]]


class ParameterFilter(admin.SimpleListFilter):
    """A filter whose meaning is that of a parameter of narrow()."""

    parameter_name: str

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Narrow by the chosen value."""
        value = self.value()
        if not value:
            return queryset
        return narrowing.NARROWINGS[self.parameter_name](queryset, value)


class DefaultedFilter(ParameterFilter):
    """A filter without "all": without a choice, the first one counts."""

    def choices(self, changelist: Any) -> Iterator[Any]:
        """Leave out "All", and mark what counts."""
        chosen = self.value() or self.lookup_choices[0][0]
        for value, title in self.lookup_choices:
            yield {
                "selected": chosen == value,
                "query_string": changelist.get_query_string(
                    {self.parameter_name: value}
                ),
                "display": title,
            }


class WindowFilter(DefaultedFilter):
    """How far back."""

    title = _("created")
    parameter_name = "window"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Lookups:
        """Offer windows."""
        return [
            ("24h", _("24 hours, and all unfinished")),
            ("15m", _("15 minutes, and all unfinished")),
            ("1h", _("an hour, and all unfinished")),
            ("7d", _("7 days, and all unfinished")),
            ("all", _("at any time")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Look back so far."""
        return narrowing.in_window(queryset, self.value(), clock.now())


class LevelFilter(DefaultedFilter):
    """With children or without."""

    title = _("level")
    parameter_name = "level"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Lookups:
        """Offer both."""
        return [("top", _("top level only")), ("all", _("include children"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Leave out children, unless they are wanted."""
        return narrowing.at_level(queryset, self.value())


class StateFilter(ParameterFilter):
    """A status, or what several have in common."""

    title = _("status")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Lookups:
        """Offer groups first."""
        return [
            ("unfinished", _("not finished")),
            ("failed", _("failed: error or dead letter")),
            ("stranded", _("stranded: no live worker has the code")),
            ("paused", _("paused: a programmer’s error")),
            ("dead", _("dead letter")),
            ("queued", _("queued")),
            ("ready", _("queued, and due")),
            ("running", _("running")),
            ("waiting", _("waiting")),
            ("success", _("success")),
            ("error", _("error")),
            ("cancelled", _("cancelled")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keep what is in it now."""
        return narrowing.in_state(queryset, self.value(), clock.now())


class EndedFilter(ParameterFilter):
    """When it ended, whenever it began."""

    title = _("ended")
    parameter_name = "ended"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Lookups:
        """Offer windows."""
        return [
            ("15m", _("in the last 15 minutes")),
            ("1h", _("in the last hour")),
            ("24h", _("in the last 24 hours")),
            ("7d", _("in the last 7 days")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Look back so far."""
        return narrowing.ended_within(queryset, self.value(), clock.now())


class WaitingFilter(ParameterFilter):
    """What it waits for."""

    title = _("waiting for")
    parameter_name = "waiting"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Lookups:
        """Offer the kinds of waits."""
        return [
            ("message", _("a message")),
            ("timer", _("a time")),
            ("workflow", _("another workflow")),
            ("event", _("an event")),
            ("stream", _("a stream")),
        ]


class RetriedFilter(ParameterFilter):
    """What did not work at once."""

    title = _("failed tries")
    parameter_name = "retried"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Lookups:
        """Offer one choice."""
        return [("yes", _("steps were tried again"))]


class ChildrenFilter(ParameterFilter):
    """What has started others."""

    title = _("children")
    parameter_name = "children"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Lookups:
        """Offer one choice."""
        return [("yes", _("has children"))]


class KnownValuesFilter(ParameterFilter):
    """One of the values that lately occurred, and the one that is chosen."""

    def lookups(self, request: HttpRequest, model_admin: Any) -> Lookups:
        """Offer what there is."""
        values = known_values(request, model_admin)[self.parameter_name]
        if (chosen := self.value()) and chosen not in values:
            values = [*values, chosen]
        return [(value, visible(value, limit=60, lines=False)) for value in values]


class NameFilter(KnownValuesFilter):
    """The definition."""

    title = _("name")
    parameter_name = "name"


class QueueFilter(KnownValuesFilter):
    """The queue."""

    title = _("queue")
    parameter_name = "queue"


class VersionFilter(KnownValuesFilter):
    """The version of the code."""

    title = _("version")
    parameter_name = "version"


class GivenFilter(ParameterFilter):
    """One that only a link sets: it is shown when it is."""

    def lookups(self, request: HttpRequest, model_admin: Any) -> Lookups:
        """Offer what is chosen."""
        value = self.value()
        return [(value, visible(value, limit=60, lines=False))] if value else []


class SubjectFilter(GivenFilter):
    """The object that it is about."""

    title = _("subject")
    parameter_name = "subject"


class ParentFilter(GivenFilter):
    """The workflow that has started it."""

    title = _("parent")
    parameter_name = "parent"


class ScheduleFilter(GivenFilter):
    """The schedule that has started it, or by which a person has."""

    title = _("schedule")
    parameter_name = "schedule"


FILTERS = (
    StateFilter,
    WindowFilter,
    EndedFilter,
    LevelFilter,
    WaitingFilter,
    RetriedFilter,
    ChildrenFilter,
    QueueFilter,
    NameFilter,
    VersionFilter,
    SubjectFilter,
    ParentFilter,
    ScheduleFilter,
)
PARAMETERS = frozenset(each.parameter_name for each in FILTERS)
