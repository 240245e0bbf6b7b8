"""Pages on which rooms are watched."""

from typing import Any

from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

import django_durable as durable
from django_durable.models import Workflow
from example_project.climate.models import Reading
from example_project.climate.webhooks import NEEDED, SensorMessage
from example_project.climate.workflows import watch_room, workflow_id_of


class RoomForm(forms.Form):
    """The room to watch."""

    room = forms.SlugField(max_length=40, initial="tea-store")


@require_GET
def list_rooms(request: HttpRequest) -> HttpResponse:
    """Show the rooms that are watched, and a form for another."""
    return render_list(request, RoomForm())


@require_POST
def start_watching(request: HttpRequest) -> HttpResponse:
    """Start the workflow that watches a room, or find the one there is."""
    form = RoomForm(request.POST)
    if not form.is_valid():
        return render_list(request, form, status=400)
    room = form.cleaned_data["room"]
    workflow_id = workflow_id_of(room)
    with transaction.atomic():
        # A watch that has ended would keep its id from being used again.
        Workflow.objects.finished().filter(pk=workflow_id).delete()
        watch = watch_room.using(workflow_id=workflow_id, attributes={"room": room})
        watch.start(room)
    return redirect("room", room)


@require_GET
def show_room(request: HttpRequest, room: str) -> HttpResponse:
    """Show the latest readings of a room."""
    return render_room(request, room)


@require_POST
def report(request: HttpRequest, room: str) -> HttpResponse:
    """Send to a room's workflow what a person types for its sensors."""
    form = SensorMessage({**request.POST.dict(), "event_id": "typed"})
    if not form.is_valid():
        return render_room(request, room, errors=form.errors, status=400)
    del form.cleaned_data["event_id"]
    try:
        durable.send(workflow_id_of(room), form.cleaned_data)
    except durable.WorkflowNotFound:
        raise Http404(f"Nobody watches {room}.") from None
    messages.success(request, "The message was sent to the workflow.")
    return redirect("room", room)


def render_list(
    request: HttpRequest, form: RoomForm, *, status: int = 200
) -> HttpResponse:
    """Render the list around a form, fresh or refused."""
    watches = Workflow.objects.for_definition(watch_room).order_by("-created_at")
    context = {"form": form, "workflows": watches[:20]}
    return render(request, "climate/rooms.html", context, status=status)


def render_room(
    request: HttpRequest, room: str, *, errors: Any = None, status: int = 200
) -> HttpResponse:
    """Render the page of a room."""
    try:
        events = durable.get_events(workflow_id_of(room))
    except durable.WorkflowNotFound:
        raise Http404(f"Nobody watches {room}.") from None
    context = {
        "room": room,
        "workflow": Workflow.objects.get(pk=workflow_id_of(room)),
        "limit": events.get("limit"),
        "readings": Reading.objects.filter(room=room)[:20],
        "types": list(NEEDED),
        "errors": errors,
    }
    return render(request, "climate/room.html", context, status=status)
