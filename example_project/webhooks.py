"""Notices that outside services post to the site, and passing them on."""

import json
from collections.abc import Callable
from functools import wraps
from typing import Any

from django import forms
from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.crypto import constant_time_compare
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

import django_durable as durable

View = Callable[..., HttpResponse]


class Notice(forms.Form):
    """What every notice carries: the sender's id of it, the same at redelivery."""

    event_id = forms.RegexField(r"^[\w.:-]+\Z", max_length=100)


class YesOrNo(forms.NullBooleanField):
    """A boolean that has to be there."""

    def validate(self, value: bool | None) -> None:
        """Refuse what is neither yes nor no."""
        if value is None:
            raise forms.ValidationError("true or false is expected.")


def webhook(sender: str, form_class: type[Notice]) -> Callable[[View], View]:
    """Call a view with the checked notice of a sender who knows its secret.

    The view gets the request, what ``form_class`` has read, and the parts of the
    address. Other senders are answered with 403, other content with 400.
    """

    def decorate(view: View) -> View:
        @csrf_exempt  # There is no session: the secret says who is asking.
        @require_POST
        @wraps(view)
        def receive(request: HttpRequest, **kwargs: Any) -> HttpResponse:
            if not knows_secret(request, sender):
                return JsonResponse({"error": "Wrong secret."}, status=403)
            try:
                form = form_class(read_json(request.body))
            except ValueError as error:
                return JsonResponse({"error": str(error)}, status=400)
            if not form.is_valid():
                return JsonResponse({"errors": form.errors}, status=400)
            return view(request, form.cleaned_data, **kwargs)

        return receive

    return decorate


def pass_on(
    notice: dict[str, Any], workflow_id: str, topic: str | None = None
) -> HttpResponse:
    """Send a notice to the workflow that waits for it, once for each event id."""
    message = {key: value for key, value in notice.items() if key != "event_id"}
    # Two senders may number their notices alike.
    key = f"{topic or 'notice'}:{notice['event_id']}"
    try:
        durable.send(workflow_id, message, topic, idempotency_key=key)
    except durable.WorkflowNotFound as error:
        return JsonResponse({"error": str(error)}, status=404)
    return JsonResponse({"accepted": notice["event_id"]}, status=202)


def knows_secret(request: HttpRequest, sender: str) -> bool:
    """Tell whether a request carries the secret of its sender."""
    secret = settings.WEBHOOK_SECRETS[sender]
    given = request.headers.get("X-Webhook-Secret", "")
    # A plain comparison takes longer the more of the secret is right.
    return bool(secret) and constant_time_compare(given, secret)


def read_json(body: bytes) -> dict[str, Any]:
    """Return a JSON object, its numbers as the text that forms read."""
    try:
        content = json.loads(body, parse_int=str, parse_float=str, parse_constant=str)
    except (ValueError, RecursionError):
        raise ValueError("This is not JSON.") from None
    if not isinstance(content, dict):
        raise ValueError("A JSON object is expected.")
    return content
