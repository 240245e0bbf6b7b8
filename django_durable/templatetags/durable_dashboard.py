"""Template tags of the dashboard: ``{% load durable_dashboard %}``."""

from typing import Any

from django import template
from django.template import Context

from django_durable import conf
from django_durable.admin import dashboard, navigation
from django_durable.admin.figures import ages, condition, overview
from django_durable.admin.permissions import may

register = template.Library()


@register.inclusion_tag(
    "admin/django_durable/console/dashboard.html", takes_context=True
)
def durable_dashboard(context: Context) -> dict[str, Any]:
    """Show the figures that this user may see."""
    return dashboard.context(context["request"])


@register.inclusion_tag("admin/django_durable/console/band.html", takes_context=True)
def durable_band(context: Context) -> dict[str, Any]:
    """Show the name of the installation, live controls, and what is wrong."""
    request, settings = context["request"], conf.current()
    alarms = context.get("alarms")
    if alarms is None:
        may_see = may(request, "view_workflow") or may(request, "view_worker")
        alarms = condition.alarms(settings.database) if may_see else []
    return {
        "env_label": settings.env_label,
        "alarms": alarms,
        "links": navigation.links(request),
    }


@register.filter
def age_at(since: Any, found: overview.Overview) -> str:
    """Return how long ago something was when the figures were read."""
    return ages.age(since, found.now)
