"""Pages on which the staff deploys versions and opens the gates for them."""

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin.views.decorators import staff_member_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

import django_durable as durable
from django_durable.models import Workflow
from example_project.deployments.models import Environment
from example_project.deployments.workflows import answer_to, deploy, workflow_id_of


class VersionForm(forms.Form):
    """The version to deploy."""

    version = forms.RegexField(r"^\d+(\.\d+){1,2}\Z", max_length=20, initial="1.0")


class AnswerForm(forms.Form):
    """What a person says at a gate, and why."""

    answer = forms.ChoiceField(
        choices=[(name, name) for name in ("approve", "withdraw", "works", "fails")]
    )
    reason = forms.CharField(max_length=200, required=False)


@require_GET
def list_deployments(request: HttpRequest) -> HttpResponse:
    """Show what runs where, and the deployments."""
    return render_list(request, VersionForm())


@staff_member_required
@require_POST
def start_deployment(request: HttpRequest) -> HttpResponse:
    """Start the deployment of a version, or find the one there is."""
    form = VersionForm(request.POST)
    if not form.is_valid():
        return render_list(request, form, status=400)
    version = form.cleaned_data["version"]
    deploy.using(
        workflow_id=workflow_id_of(version), attributes={"version": version}
    ).start(version)
    return redirect("deployment", version)


@require_GET
def show_deployment(request: HttpRequest, version: str) -> HttpResponse:
    """Show where a version has got to, and the buttons of its gate."""
    return render(request, "deployments/deployment.html", deployment_of(version))


@staff_member_required
@require_POST
def answer_gate(request: HttpRequest, version: str) -> HttpResponse:
    """Send what a person has said to the workflow that waits at the gate."""
    form = AnswerForm(request.POST)
    if not form.is_valid():
        context = deployment_of(version)
        return render(request, "deployments/deployment.html", context, status=400)
    topic, message = answer_to(**form.cleaned_data)
    try:
        # A gate is passed once: of two answers, the first one counts.
        durable.send(workflow_id_of(version), message, topic, idempotency_key=topic)
    except durable.WorkflowNotFound:
        raise Http404(f"There is no deployment of {version}.") from None
    messages.success(request, "Your answer was sent to the workflow.")
    return redirect("deployment", version)


def deployment_of(version: str) -> dict[str, Any]:
    """Read what the workflow of a deployment has published."""
    try:
        events = durable.get_events(workflow_id_of(version))
    except durable.WorkflowNotFound:
        raise Http404(f"There is no deployment of {version}.") from None
    return {"version": version, "workflow_id": workflow_id_of(version), **events}


def render_list(
    request: HttpRequest, form: VersionForm, *, status: int = 200
) -> HttpResponse:
    """Render the list around a form, fresh or refused."""
    context = {
        "form": form,
        "environments": Environment.objects.all(),
        "workflows": Workflow.objects.for_definition(deploy).order_by("-created_at"),
    }
    return render(request, "deployments/deployments.html", context, status=status)
