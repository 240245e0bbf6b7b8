"""Template tags: ``{% load durable %}``."""

from typing import Any

from django import template
from django.template import Context
from django.templatetags.static import static
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from django_durable import conf, serialization
from django_durable.definitions.handles import WorkflowHandle
from django_durable.exceptions import SerializationError
from django_durable.models import StreamEntry, Workflow
from django_durable.streaming.tokens import stream_token

register = template.Library()

# So many values are shown where there is no JavaScript.
LATEST = 200


@register.simple_tag(takes_context=True)
def durable_stream_media(context: Context) -> SafeString:
    """Load what ``<durable-stream>`` needs, for the head of a page."""
    return format_html(
        '<link rel="stylesheet" href="{}"{nonce}>\n'
        '<script type="module" src="{}"{nonce}></script>',
        static("django_durable/stream.css"),
        static("django_durable/stream.js"),
        nonce=nonce_of(context),
    )


@register.simple_tag(takes_context=True)
def durable_nonce(context: Context) -> SafeString:
    """Return `` nonce="…"`` for a tag of our own, nothing without such a policy."""
    return nonce_of(context)


@register.inclusion_tag("django_durable/stream.html")
def durable_stream(
    workflow: "str | WorkflowHandle[Any] | Workflow",
    key: str = "",
    *,
    mode: str = "text",
    max_age: Any = None,
    user: Any = None,
    **attributes: Any,
) -> dict[str, Any]:
    """Show a stream of a workflow, or its id, as it grows.

    The page carries a token: whoever may see it may watch. ``max_age`` and ``user``
    are those of ``stream_token()``. Further arguments become attributes: ``True``
    stands for one without a value, ``None`` and ``False`` for none, and an
    underscore for a hyphen. Without a key the element hears of the workflow's
    status, steps and events, and shows nothing.
    """
    workflow_id = id_of(workflow)
    given = {
        "workflow": workflow_id,
        "key": key or None,
        "mode": mode if key else "none",
        "src": address(),
        "token": stream_token(workflow_id, key, max_age, user=user),
        **{name.replace("_", "-"): value for name, value in attributes.items()},
    }
    return {
        "attributes": [
            (name, "" if value is True else str(value))
            for name, value in given.items()
            if value is not None and value is not False
        ],
        "mode": mode,
        "values": latest_values(workflow_id, key, dedupe=bool(given.get("dedupe"))),
    }


def id_of(workflow: "str | WorkflowHandle[Any] | Workflow") -> str:
    """Return the id of a workflow, however it is given."""
    if isinstance(workflow, WorkflowHandle):
        return workflow.workflow_id
    return workflow.pk if isinstance(workflow, Workflow) else workflow


def address() -> str | None:
    """Return where streams are served over HTTP, None for the usual place."""
    try:
        return reverse("django_durable_streaming:streams")
    except NoReverseMatch:
        return None


def latest_values(workflow_id: str, key: str, *, dedupe: bool) -> list[Any]:
    """Return the latest values of a stream, perhaps of the last tries only."""
    if not key:
        return []
    stream = StreamEntry.objects.using(conf.current().database).filter(
        workflow_id=workflow_id, key=key
    )
    entries = list(stream.order_by("-offset")[:LATEST])[::-1]
    # Sorted, the last try of a step comes last.
    last = dict(sorted(map(place_and_try, entries)))
    return [
        read(entry)
        for entry in entries
        if not dedupe or place_and_try(entry) in last.items()
    ]


def read(entry: StreamEntry) -> Any:
    """Return a value; what cannot be read must not keep a page from being shown."""
    try:
        return serialization.loads(entry.value)
    except SerializationError:
        return "…"


def place_and_try(entry: StreamEntry) -> tuple[tuple[str, int], tuple[int, int]]:
    """Return which step has written an entry, and which try of it."""
    return (entry.branch, entry.step_id), (entry.claim, entry.attempt)


def nonce_of(context: Context) -> SafeString:
    """Return the attribute that a Content-Security-Policy with nonces asks for."""
    request = context.get("request")
    nonce = context.get("csp_nonce") or getattr(request, "csp_nonce", None)
    return format_html(' nonce="{}"', nonce) if nonce else mark_safe("")
