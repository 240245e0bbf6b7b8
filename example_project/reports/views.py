"""Pages on which a report can be read while it is written."""

from collections.abc import AsyncIterator, Iterator

from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.template.loader import render_to_string
from django.utils.html import format_html
from django.views.decorators.http import require_GET, require_POST

import django_durable as durable
from django_durable.models import Schedule, Workflow
from example_project.reports.workflows import write_sales_report

# Seconds without a new line after which a reader is told to come back.
PATIENCE = 30
CUT = "<!-- lines -->"
LINE = "<li>{}</li>\n"
PAUSED = "<li>Nothing new for a while: reload this page later.</li>\n"


@require_GET
def list_reports(request: HttpRequest) -> HttpResponse:
    """Show the reports, and a button for another."""
    reports = Workflow.objects.for_definition(write_sales_report)
    schedule = Schedule.objects.filter(name="morning-report").first()
    context = {
        "workflows": reports.order_by("-created_at")[:20],
        "upcoming": schedule.upcoming(1) if schedule else [],
    }
    return render(request, "reports/reports.html", context)


@require_POST
def start_report(request: HttpRequest) -> HttpResponse:
    """Start writing a report."""
    return redirect("report", write_sales_report.start().workflow_id)


@require_GET
def read_report(request: HttpRequest, workflow_id: str) -> StreamingHttpResponse:
    """Send the page of a report, each line of it as soon as it is written."""
    reports = Workflow.objects.for_definition(write_sales_report)
    workflow = get_object_or_404(reports, pk=workflow_id)
    page = render_to_string("reports/report.html", {"workflow": workflow}, request)
    # A server of the other kind would read it to the end before it sends anything.
    fill = afilled if isinstance(request, ASGIRequest) else filled
    return StreamingHttpResponse(fill(page, workflow.pk))


def filled(page: str, workflow_id: str) -> Iterator[str]:
    """Yield a page with a report's lines where it is cut."""
    before, after = page.split(CUT)
    yield before
    try:
        for line in durable.read_stream(workflow_id, "lines", timeout=PATIENCE):
            yield format_html(LINE, line)
    except durable.WaitTimeout:
        yield PAUSED
    yield after


async def afilled(page: str, workflow_id: str) -> AsyncIterator[str]:
    """See filled()."""
    before, after = page.split(CUT)
    yield before
    try:
        lines = durable.aread_stream(workflow_id, "lines", timeout=PATIENCE)
        async for line in lines:
            yield format_html(LINE, line)
    except durable.WaitTimeout:
        yield PAUSED
    yield after
