"""Pages on which parcels are packed by many."""

from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_POST

import django_durable as durable
from django_durable.models import Workflow
from example_project.packing.workflows import pack_parcels


class PackingForm(forms.Form):
    """How much there is to do, and how many do it."""

    parcels = forms.IntegerField(min_value=1, max_value=100, initial=12)
    packers = forms.IntegerField(min_value=1, max_value=10, initial=3)


@require_GET
def list_packings(request: HttpRequest) -> HttpResponse:
    """Show a form, and what was packed."""
    return render_list(request, PackingForm())


@require_POST
def start_packing(request: HttpRequest) -> HttpResponse:
    """Start a coordinator."""
    form = PackingForm(request.POST)
    if not form.is_valid():
        return render_list(request, form, status=400)
    count = form.cleaned_data["parcels"]
    parcels = [f"parcel {number}" for number in range(1, count + 1)]
    attributes = {"parcels": count}
    handle = pack_parcels.using(attributes=attributes).start(
        parcels, packers=form.cleaned_data["packers"]
    )
    return redirect("packing-progress", handle.workflow_id)


@require_GET
def show_packing(request: HttpRequest, workflow_id: str) -> HttpResponse:
    """Show how far each packer has come."""
    mine = Workflow.objects.for_definition(pack_parcels)
    workflow = get_object_or_404(mine, pk=workflow_id)
    context = {
        "workflow": workflow,
        "packers": [progress_of(packer) for packer in packers_of(workflow)],
    }
    return render(request, "packing/packing.html", context)


def packers_of(coordinator: Workflow) -> list[Workflow]:
    """Return the children of a coordinator, in the order of their start."""
    children = Workflow.objects.filter(parent=coordinator.pk)
    return list(children.order_by("created_at", "pk"))


def progress_of(packer: Workflow) -> dict[str, Any]:
    """Return what a packer has published last, if anything."""
    events = durable.get_events(packer.pk)
    return {"status": packer.get_status_display(), **events.get("progress", {})}


def render_list(
    request: HttpRequest, form: PackingForm, *, status: int = 200
) -> HttpResponse:
    """Render the list around a form, fresh or refused."""
    packings = Workflow.objects.for_definition(pack_parcels)
    context = {"form": form, "workflows": packings.order_by("-created_at")[:20]}
    return render(request, "packing/packings.html", context, status=status)
