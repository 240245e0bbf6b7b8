"""Answering what a person is asked: once, and only while it waits."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext as _

from django_durable import clock, conf
from django_durable.admin import audit, confirming, dashboard
from django_durable.admin.actions.asking import found, fresh_nonce
from django_durable.admin.actions.operations import OPERATIONS
from django_durable.admin.actions.schemas import schema_for
from django_durable.admin.approvals.forms import AnswerForm
from django_durable.admin.approvals.questions import Request
from django_durable.admin.figures.people import requests
from django_durable.definitions import communication
from django_durable.display import visible
from django_durable.exceptions import DurableError
from django_durable.models import Workflow

OPERATION = OPERATIONS["send"]


def page(model_admin: Any, request: HttpRequest, object_id: str) -> HttpResponse:
    """Show the form, or send what it says."""
    workflow = found(model_admin, request, object_id, OPERATION)
    asked = _open(workflow, request)
    if asked is None:
        return _too_late(model_admin, request, workflow)
    if not model_admin.has_topic_permission(request, workflow, asked.topic):
        raise PermissionDenied
    schema = asked.schema or schema_for(workflow.name, asked.topic)
    if request.method != "POST":
        form = AnswerForm(schema=schema, initial={"nonce": fresh_nonce()})
        return _ask(model_admin, request, asked, form)
    form = AnswerForm(request.POST, schema=schema)
    form.fill_in(request.user)
    if not form.is_valid():
        return _ask(model_admin, request, asked, form)
    try:
        took = _send(asked, form.cleaned_data["value"])
    except (DurableError, TypeError, ValueError) as error:
        form.add_error(None, visible(error, limit=500, lines=False))
        return _ask(model_admin, request, asked, form)
    if not took:
        return _too_late(model_admin, request, workflow)
    return _done(model_admin, request, asked, form.cleaned_data["reason"])


def _open(workflow: Any, request: HttpRequest) -> Request | None:
    """Return what is asked at the place that the address names, while it is."""
    branch, step = request.GET.get("branch", ""), request.GET.get("step", "")
    if not step.isdecimal() or len(step) > 9:
        return None
    now = clock.now()
    waits = requests(conf.current().database, now).filter(
        workflow=workflow, branch=branch.replace("\x00", ""), step_id=int(step)
    )
    wait = waits.select_related("workflow").first()
    return Request(wait, now) if wait is not None else None


def _send(asked: Request, value: Any) -> bool:
    """Send it if it is still waited for; no worker takes the workflow meanwhile.

    The place of the wait is the key: of two people who answer, the first counts.
    """
    using, pk = conf.current().database, asked.workflow.pk
    with Workflow.objects.using(using).locked(pk):
        wait = asked.wait
        still = requests(using, clock.now()).filter(
            workflow=pk, branch=wait.branch, step_id=wait.step_id
        )
        if not still.exists():
            return False
        communication.send(pk, value, asked.topic or None, idempotency_key=asked.key)
    return True


def _done(
    model_admin: Any, request: HttpRequest, asked: Request, reason: str
) -> HttpResponse:
    text = _("answered “%s”") % asked.topic if asked.topic else _("answered")
    audit.record(
        model_admin, request, asked.workflow, "answer", reason=reason, outcome=text
    )
    shown = visible(asked.workflow.pk, limit=100, lines=False)
    model_admin.message_user(request, f"{shown}: {visible(text, limit=200)}")
    return HttpResponseRedirect(dashboard.address(request, "approvals"))


def _too_late(model_admin: Any, request: HttpRequest, workflow: Any) -> HttpResponse:
    shown = visible(workflow.pk, limit=100, lines=False)
    text = _("%s is no longer waiting: it was answered, or its time is up.") % shown
    model_admin.message_user(request, text, messages.WARNING)
    return HttpResponseRedirect(dashboard.address(request, "approvals"))


def _ask(
    model_admin: Any, request: HttpRequest, asked: Request, form: AnswerForm
) -> HttpResponse:
    until = [_("Its time is up in %s.") % asked.left] if asked.left else []
    question = confirming.Question(
        title=_("Answer “%s”") % visible(asked.topic, limit=80, lines=False)
        if asked.topic
        else _("Answer"),
        button=_("Answer"),
        back=dashboard.address(request, "approvals"),
        consequences=[_("The workflow goes on with your answer."), *until],
        remains=[_("An answer cannot be taken back.")],
        workflows=[asked.workflow],
    )
    return confirming.ask(model_admin, request, question, form)
