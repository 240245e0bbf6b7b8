"""Workflows in the admin: look, cancel, resume."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext_lazy as _, ngettext

from django_durable import failures
from django_durable.admin.base import ReadOnlyAdmin
from django_durable.admin.permissions import ActionPermissions
from django_durable.exceptions import DurableError
from django_durable.models import Workflow

DATA_FIELDS = ("inputs", "output", "error")
SHOWN_CHARACTERS = 2000
SHOWN_ROWS = 200


class StrandedFilter(admin.SimpleListFilter):
    """Workflows for which no live worker has the code."""

    title = _("stranded")
    parameter_name = "stranded"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Offer one choice."""
        return [("yes", _("no live worker has the code"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keep the stranded ones."""
        if self.value() != "yes":
            return queryset
        stranded = Workflow.objects.using(queryset.db).stranded()
        return queryset.filter(pk__in=stranded.values("pk"))


class DurableWorkflowAdmin(ActionPermissions, ReadOnlyAdmin):
    """Executions with their steps."""

    change_form_template = "admin/django_durable/workflow/change_form.html"
    list_display = (
        "id",
        "name",
        "status",
        "queue_name",
        "summary",
        "created_at",
        "completed_at",
    )
    list_filter = ("status", StrandedFilter, "queue_name", "name")
    search_fields = ("id__startswith", "name")
    search_help_text = _("Beginning of an id, or part of a name")
    ordering = ("-created_at",)
    actions = ("cancel_selected", "resume_selected")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Leave out payloads for those who may not see them."""
        names = [field.name for field in Workflow._meta.concrete_fields]
        if not _may_see_data(request):
            names = [name for name in names if name not in DATA_FIELDS]
        return names

    def get_urls(self) -> list[URLPattern]:
        """Add the pages that ask before they act."""
        own = [
            path(
                f"<path:object_id>/{action}/",
                self.admin_site.admin_view(self._view(action)),
                name=f"django_durable_workflow_{action}",
            )
            for action in ("cancel", "resume")
        ]
        return own + super().get_urls()

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show the workflow with its steps, and all that hangs on it."""
        workflow = self.get_object(request, unquote(object_id))
        context = {
            **(extra_context or {}),
            "may_cancel": self.has_cancel_permission(request),
            "may_resume": self.has_resume_permission(request),
        }
        if workflow is not None:
            with_data = _may_see_data(request)
            context["steps"] = _steps(workflow, with_data=with_data)
            context["notifications"] = _notifications(workflow, with_data=with_data)
            context["events"] = _events(workflow, with_data=with_data)
            context["streams"] = workflow.streams.order_by("key")[:SHOWN_ROWS]
            context["waits"] = workflow.waits.all()
            context["attempts"] = workflow.attempts.order_by("failed_at")
            context["children"] = workflow.children.order_by("created_at")[:200]
        return super().change_view(request, object_id, form_url, context)

    @admin.action(permissions=["cancel"], description=_("Cancel selected workflows"))
    def cancel_selected(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        """Cancel each that has not ended."""
        reason = f"cancelled by {request.user} in the admin"
        took = sum(workflow.cancel(reason) for workflow in queryset)
        text = ngettext(
            "%(count)d workflow was cancelled.",
            "%(count)d workflows were cancelled.",
            took,
        )
        self.message_user(request, text % {"count": took})

    @admin.action(permissions=["resume"], description=_("Resume selected workflows"))
    def resume_selected(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        """Resume each that can be."""
        for workflow in queryset:
            self._act(request, workflow, "resume")

    def _view(self, action: str) -> Callable[..., HttpResponse]:
        def view(request: HttpRequest, object_id: str) -> HttpResponse:
            if not getattr(self, f"has_{action}_permission")(request):
                raise PermissionDenied
            workflow = self.get_object(request, unquote(object_id))
            if workflow is None:
                raise Http404
            if request.method == "POST":
                self._act(request, workflow, action)
                page = reverse(
                    "admin:django_durable_workflow_change",
                    args=[object_id],
                    current_app=self.admin_site.name,
                )
                return HttpResponseRedirect(page)
            return self._confirm(request, workflow, action)

        return view

    def _confirm(
        self, request: HttpRequest, workflow: Workflow, action: str
    ) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": _("Cancel workflow?")
            if action == "cancel"
            else _("Resume workflow?"),
            "workflow": workflow,
            "action": action,
            "opts": self.opts,
        }
        template = "admin/django_durable/workflow/confirm.html"
        return TemplateResponse(request, template, context)

    def _act(self, request: HttpRequest, workflow: Workflow, action: str) -> None:
        """Do what was asked, log it, and say what came of it."""
        try:
            if action == "cancel":
                took = workflow.cancel(f"cancelled by {request.user} in the admin")
                text = _("It was cancelled.") if took else _("It had ended already.")
            else:
                workflow.resume()
                text = _("It goes on from its last completed step.")
        except DurableError as error:
            self.message_user(request, str(error), messages.ERROR)
            return
        self.log_change(request, workflow, f"{action}: {text}")
        self.message_user(request, f"{workflow.pk}: {text}")


def _may_see_data(request: HttpRequest) -> bool:
    return request.user.has_perm("django_durable.view_workflow_data")


def _steps(workflow: Workflow, *, with_data: bool) -> list[dict[str, Any]]:
    rows = workflow.steps.order_by("completed_at", "branch", "step_id")
    return [
        {
            "row": row,
            "seconds": (row.completed_at - row.started_at).total_seconds(),
            "outcome": _outcome(row) if with_data else "",
        }
        for row in rows[:1000]
    ]


def _notifications(workflow: Workflow, *, with_data: bool) -> list[dict[str, Any]]:
    rows = workflow.notifications.order_by("id")[:SHOWN_ROWS]
    return [{"row": row, "text": _shown(row.message, with_data)} for row in rows]


def _events(workflow: Workflow, *, with_data: bool) -> list[dict[str, Any]]:
    rows = workflow.events.order_by("key")[:SHOWN_ROWS]
    return [{"row": row, "text": _shown(row.value, with_data)} for row in rows]


def _shown(text: str, with_data: bool) -> str:
    return text[:SHOWN_CHARACTERS] if with_data else ""


def _outcome(row: Any) -> str:
    if row.error is not None:
        return ": ".join(failures.describe(row.error))[:SHOWN_CHARACTERS]
    return (row.output or "")[:SHOWN_CHARACTERS]
