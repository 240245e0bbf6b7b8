"""Template tags of the console: ``{% load durable_console %}``."""

from django import template
from django.utils.safestring import SafeString

from django_durable import display
from django_durable.admin import badges

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
