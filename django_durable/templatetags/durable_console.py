"""Template tags of the console: ``{% load durable_console %}``."""

from typing import Any

from django import template
from django.utils.safestring import SafeString

from django_durable import display
from django_durable.admin import badges
from django_durable.admin.detail.drawing import draw
from django_durable.admin.detail.timeline import Timeline

register = template.Library()


@register.filter
def visible(text: object, limit: int | None = None) -> str:
    """Show text that others wrote: nothing in it is hidden, long text is cut."""
    return display.visible("" if text is None else text, limit=limit)


@register.filter
def line(text: object, limit: int | None = None) -> str:
    """See visible(); line ends and tabs are shown as characters."""
    return display.visible("" if text is None else text, limit=limit, lines=False)


@register.simple_tag
def status_badge(status: str) -> SafeString:
    """Show a workflow's status as icon and word."""
    return badges.status_badge(status)


@register.simple_tag
def workflow_badge(workflow: Any) -> SafeString:
    """Show the status of a workflow; a missed deadline, and that it is stranded."""
    return badges.workflow_badge(workflow)


@register.simple_tag
def stranded_badge(workflow: Any) -> SafeString | str:
    """Show that a workflow is stranded, where its status needs no word."""
    return badges.stranded_badge(workflow)


@register.simple_tag
def live_badges(workflow: Any) -> SafeString:
    """Show the same on a page that follows the workflow."""
    return badges.live_badges(workflow)


@register.simple_tag
def timeline_svg(timeline: Timeline) -> SafeString:
    """Draw the timeline of a workflow."""
    return draw(timeline)
