"""Workers in the admin: who executes workflows, and asking one to leave."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _, gettext_lazy

from django_durable import clock
from django_durable.admin import confirming, dashboard, pulse
from django_durable.admin.actions.of_one import action_of_one
from django_durable.admin.badges import badge
from django_durable.admin.base import ReadOnlyAdmin
from django_durable.admin.deeds import Deed, answered
from django_durable.admin.figures.ages import age
from django_durable.admin.listing import news
from django_durable.admin.listing.counts import CountOf
from django_durable.admin.pages import Page
from django_durable.admin.permissions import may
from django_durable.admin.serving import QueueFilter, ServingFilter
from django_durable.display import visible
from django_durable.models import Worker, Workflow
from django_durable.models.status import Status

MOST_HELD = 1000
SHOWN_OF_ID = 8


def drain(model_admin: Any, request: HttpRequest, key: UUID) -> HttpResponse:
    """Ask before a worker is asked to leave; then ask it."""
    worker = model_admin.get_queryset(request).filter(pk=key).first()
    if worker is None:
        raise Http404
    if not model_admin.has_drain_permission(request, worker):
        raise PermissionDenied
    question = confirming.Question(
        title=_("Drain worker %s?") % visible(worker, limit=80, lines=False),
        button=_("Drain"),
        back=dashboard.listing(request, dashboard.WORKERS),
        consequences=[
            _("With its next heartbeat it claims nothing any more."),
            _("What it executes leaves at its next step and goes on elsewhere."),
            _("Then its process ends; whatever supervises it may start another."),
        ],
        remains=[_("It does not come back by itself.")],
    )

    def perform(given: Mapping[str, Any]) -> Deed:
        took = Worker.objects.using(worker._state.db).drain(worker.pk)
        text = (
            _("It was asked to leave.") if took else _("It is leaving or gone already.")
        )
        return Deed("drain", worker, text, took)

    form = confirming.ReasonForm(request.POST or None)
    return answered(model_admin, request, question, form, perform)


class DurableWorkerAdmin(ReadOnlyAdmin):
    """Who executes workflows, when it was last heard of, and what it holds."""

    change_list_template = "admin/django_durable/worker/change_list.html"
    change_form_template = "admin/django_durable/worker/change_form.html"
    pages = (
        Page(
            "<uuid:key>/drain/",
            "worker_drain",
            drain,
            ("view_worker", "manage_queue"),
            is_form=True,
        ),
        Page("api/workers/", "api_workers", pulse.follow, ("view_worker",)),
        Page("<uuid:key>/api/", "api_worker", pulse.one, ("view_worker",)),
    )
    actions = action_of_one(
        "drain", gettext_lazy("Drain"), permission="drain", page="worker_drain"
    )
    list_display = (
        "process",
        "heartbeat",
        "shown_kind",
        "shown_queues",
        "slots",
        "memory",
        "code",
        "started",
        "current",
    )
    list_display_links = ("process",)
    list_filter = ("state", "kind", ServingFilter, QueueFilter)
    filter_parameters = ("state__exact", "kind__exact", "serving", "queue")
    search_fields = ("host__startswith",)
    ordering = ("-heartbeat_at",)
    fields = (
        "process",
        "id",
        "heartbeat",
        "shown_kind",
        "shown_queues",
        "slots",
        "memory",
        "shown_code",
        "started",
        "current",
    )
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Count along what each holds."""
        rows = super().get_queryset(request)
        held = Workflow.objects.using(rows.db).filter(
            worker=OuterRef("pk"), status=Status.PENDING
        )
        return rows.annotate(  # type: ignore[no-any-return]
            holds=CountOf(held.order_by().values("pk")[:MOST_HELD]),
            holds_first=Subquery(held.order_by("changed_at").values("pk")[:1]),
        )

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> Any:
        """Return the worker, with what it holds as far as the user may see that."""
        found = super().get_object(request, object_id, from_field)
        return found and pulse.with_held(self, request, [found])[0]

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Offer to drain it to those who may."""
        may_drain = self.has_drain_permission(request)
        context = {"may_drain": may_drain, **(extra_context or {})}
        return super().change_view(request, object_id, form_url, context)

    def has_drain_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Tell whether the user may ask a worker to leave."""
        return may(request, "manage_queue")

    @admin.display(description=gettext_lazy("worker"))
    def process(self, worker: Any) -> SafeString:
        """Show host and process, and how the id begins: random, it tells enough."""
        return format_html(
            '<bdi>{}</bdi><span class="dd-under">{}</span>',
            visible(worker, limit=80, lines=False),
            str(worker.pk)[:SHOWN_OF_ID],
        )

    @admin.display(description=gettext_lazy("heartbeat"), ordering="heartbeat_at")
    def heartbeat(self, worker: Any) -> SafeString:
        """Show how lively it is, in a word and in time."""
        return format_html(
            '<span data-dd-row="{0}" data-dd-cell="pulse">{1}</span>'
            '<span class="dd-under" data-dd-row="{0}" data-dd-cell="ago">{2}</span>',
            worker.pk,
            badge(*pulse.look(worker)),
            pulse.ago(worker),
        )

    @admin.display(description=gettext_lazy("kind"), ordering="kind")
    def shown_kind(self, worker: Any) -> str:
        """Name the kind."""
        return visible(worker.get_kind_display(), limit=40, lines=False)

    @admin.display(description=gettext_lazy("queues"))
    def shown_queues(self, worker: Any) -> str:
        """Name the queues."""
        if worker.queues is None:
            return str(_("all"))
        return visible(", ".join(map(str, worker.queues)), limit=200, lines=False)

    @admin.display(description=gettext_lazy("slots used"))
    def slots(self, worker: Any) -> SafeString:
        """Show what it holds, of the sync workflows it could execute at once."""
        return format_html(
            '<span data-dd-row="{}" data-dd-cell="slots">{}</span>',
            worker.pk,
            pulse.slots(worker),
        )

    @admin.display(description=gettext_lazy("memory"), ordering="rss_bytes")
    def memory(self, worker: Any) -> SafeString:
        """Show how much memory its process takes up."""
        return format_html(
            '<span data-dd-row="{}" data-dd-cell="memory">{}</span>',
            worker.pk,
            pulse.memory(worker),
        )

    @admin.display(description=gettext_lazy("code"))
    def code(self, worker: Any) -> str:
        """Show how many definitions it has."""
        return _("%d definitions") % len(worker.definitions)

    @admin.display(description=gettext_lazy("code"))
    def shown_code(self, worker: Any) -> str:
        """Name the definitions with their versions."""
        pairs = (f"{name} {version}" for name, version in worker.definitions)
        return visible("\n".join(pairs), limit=20_000)

    @admin.display(description=gettext_lazy("since"), ordering="started_at")
    def started(self, worker: Any) -> str:
        """Show how long it has lived."""
        return age(worker.started_at, clock.now())

    @admin.display(description=gettext_lazy("executes"))
    def current(self, worker: Any) -> SafeString | str:
        """Lead to what it holds."""
        link = pulse.current(self, worker)
        return format_html(
            '<span data-dd-row="{}" data-dd-cell="current">{}</span>',
            worker.pk,
            format_html('<a href="{address}"><bdi>{text}</bdi></a>{more}', **link)
            if link
            else pulse.held(worker),
        )

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> Any:
        """Show the list, and what it asks for as long as it is open."""
        response = super().changelist_view(request, extra_context)
        context = getattr(response, "context_data", None) or {}
        if "cl" in context:
            rows = pulse.with_held(self, request, context["cl"].result_list)
            ids = [str(row.pk) for row in rows]
            # What is new is looked for among all, and stands on the first page.
            query = news.address(ids, None if request.GET else {})
            address = dashboard.address(request, "api_workers")
            context["live_address"] = f"{address}?{query}"
        return response
