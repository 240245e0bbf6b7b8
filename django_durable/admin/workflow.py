"""Workflows in the admin."""

from typing import Any

from django.contrib.admin import ShowFacets
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from django_durable.admin.actions.bulk import BulkActions
from django_durable.admin.actions.of_one import OF_A_WORKFLOW, offered
from django_durable.admin.actions.pages import PAGES as ACTION_PAGES
from django_durable.admin.base import ReadOnlyAdmin
from django_durable.admin.console import PAGES as CONSOLE_PAGES
from django_durable.admin.detail import page
from django_durable.admin.detail.download import download
from django_durable.admin.detail.export import export as export_one
from django_durable.admin.listing import export
from django_durable.admin.listing.changelist import WorkflowChangeList
from django_durable.admin.listing.columns import Columns
from django_durable.admin.listing.counts import CappedPaginator
from django_durable.admin.listing.filters import FILTERS, PARAMETERS
from django_durable.admin.pages import Page, harden
from django_durable.admin.permissions import ActionPermissions
from django_durable.bulk.searching import HELP, search
from django_durable.models.ids import may_exist

LIST_PAGES = (
    Page(
        "<path:object_id>/export.json",
        "workflow_export",
        export_one,
        ("view_workflow",),
    ),
    Page("export.csv", "workflow_export_csv", export.export_csv, ("view_workflow",)),
    Page("export.json", "workflow_export_json", export.export_json, ("view_workflow",)),
    Page(
        "<path:object_id>/payload/",
        "workflow_payload",
        download,
        ("view_workflow", "view_workflow_data"),
    ),
)


class DurableWorkflowAdmin(BulkActions, Columns, ActionPermissions, ReadOnlyAdmin):
    """Executions: the list, each with its steps, and what can be done."""

    change_list_template = "admin/django_durable/workflow/change_list.html"
    change_form_template = "admin/django_durable/workflow/change_form.html"
    pages = (*LIST_PAGES, *CONSOLE_PAGES, *ACTION_PAGES)

    list_display = (
        "identity",
        "state",
        "progress",
        "queue",
        "started",
        "took",
        "held_by",
    )
    list_display_links = ("identity",)
    list_filter = FILTERS
    filter_parameters = PARAMETERS
    list_per_page = 100
    list_max_show_all = 200
    # They would read everything; the strip above the list counts within bounds.
    show_facets = ShowFacets.NEVER
    sortable_by = ("started",)
    ordering = ("-created_at",)
    paginator = CappedPaginator
    actions = (
        "cancel_selected",
        "resume_selected",
        "restart_selected",
        "erase_selected",
        *OF_A_WORKFLOW,
    )
    # The search has a syntax of its own; these only say that there is one.
    search_fields = ("id",)
    search_help_text = HELP

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Show no form: the page of a workflow is our own."""
        return ()

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> Any:
        """Return the list that reads its address strictly."""
        return WorkflowChangeList

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Search by our syntax, and tell what was not looked for."""
        with_data = self.has_view_data_permission(request)
        found, notes = search(queryset, search_term, with_data=with_data)
        self.tell_notes(request, notes)
        return found, False

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> Any:
        """Show the list, with what its own template says."""
        query = request.GET.urlencode()
        context = {
            "title": _("Workflows"),
            "may_start": self.has_start_permission(request),
            "alarms": [],  # Asked for by the open page: the list itself is quick.
            "export_query": f"?{query}" if query else "",
            **(extra_context or {}),
        }
        return super().changelist_view(request, context)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show the workflow with its steps, and all that hangs on it."""
        request.current_app = self.admin_site.name
        return harden(super().change_view(request, object_id, form_url, extra_context))

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: Any = None,
    ) -> HttpResponse:
        """Add all that the page shows to what Django has found and permitted."""
        if obj is not None:
            context.update(page.context(self, request, obj))
            form = offered(context.get("action_form"), context["tools"])
            context["action_form"] = form
        return super().render_change_form(request, context, add, change, form_url, obj)

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> Any:
        """Return the workflow; None also for what no database can be asked for."""
        return (
            super().get_object(request, object_id, from_field)
            if may_exist(object_id)
            else None
        )
