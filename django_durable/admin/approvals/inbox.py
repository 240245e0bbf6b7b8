"""The inbox: all that waits for a person, the next deadline first."""

from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.utils.functional import cached_property
from django.utils.translation import gettext as _

from django_durable import clock, conf
from django_durable.admin.approvals.questions import Request
from django_durable.admin.figures.condition import missing_migrations
from django_durable.admin.figures.overview import MOST_REQUESTS
from django_durable.admin.figures.people import requests_with_workflows
from django_durable.admin.pages import render
from django_durable.admin.permissions import may

TEMPLATE = "admin/django_durable/console/inbox.html"
PER_PAGE = 50


class CappedPaginator(Paginator):
    """Pages of the first rows only."""

    @cached_property
    def count(self) -> int:
        """Return how many are shown at most."""
        rows: Any = self.object_list
        return int(rows.order_by()[:MOST_REQUESTS].values("step_id").count())


def page(model_admin: Any, request: HttpRequest) -> HttpResponse:
    """Show who is asked what, since when, and until when."""
    using, now = conf.current().database, clock.now()
    rows: Any = ()
    if not missing_migrations(using):
        mine = model_admin.get_queryset(request)
        rows = requests_with_workflows(using, now).filter(workflow__in=mine)
    shown = CappedPaginator(rows, PER_PAGE).get_page(request.GET.get("p"))
    context = {
        "title": _("Waiting for a person"),
        "page": shown,
        "requests": [
            Request(wait, now, _may_answer(model_admin, request, wait))
            for wait in shown
            if model_admin.has_view_permission(request, wait.workflow)
        ],
        "is_capped": shown.paginator.count >= MOST_REQUESTS,
        "may_answer": may(request, "send_workflow_message"),
    }
    return render(model_admin, request, TEMPLATE, context)


def _may_answer(model_admin: Any, request: HttpRequest, wait: Any) -> bool:
    mine = model_admin.has_send_permission(request, wait.workflow)
    return bool(
        mine and model_admin.has_topic_permission(request, wait.workflow, wait.key)
    )
