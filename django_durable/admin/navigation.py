"""The way from each page of the console to the others."""

from dataclasses import dataclass

from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from django_durable.admin.permissions import may


@dataclass(frozen=True, slots=True)
class Place:
    """A page that is linked, for those who have all ``permissions``."""

    label: str | Promise
    name: str
    permissions: tuple[str, ...] = ("view_workflow",)
    args: tuple[str, ...] = ()


PLACES = (
    Place(_("Dashboard"), "admin:app_list", args=("django_durable",)),
    Place(_("Workflows"), "admin:django_durable_workflow_changelist"),
    Place(_("Approvals"), "admin:django_durable_approvals"),
    Place(_("Queues"), "admin:django_durable_queues"),
    Place(_("Schedules"), "admin:django_durable_schedules"),
    Place(_("Workers"), "admin:django_durable_worker_changelist", ("view_worker",)),
    Place(_("Bulk actions"), "admin:django_durable_bulk"),
    Place(
        _("Clean up"),
        "admin:django_durable_workflow_prune",
        ("view_workflow", "delete_workflow"),
    ),
)


@dataclass(frozen=True, slots=True)
class Link:
    """A link, and whether it leads to where we are."""

    label: str | Promise
    address: str
    is_here: bool


def links(request: HttpRequest) -> list[Link]:
    """Return where this user may go; nothing of what a project does not register."""
    found = []
    for place in PLACES:
        address = _address(request, place)
        if address and all(may(request, each) for each in place.permissions):
            found.append(Link(place.label, address, request.path == address))
    return found


def _address(request: HttpRequest, place: Place) -> str:
    site = getattr(request, "current_app", None)
    try:
        return reverse(place.name, args=place.args, current_app=site)
    except NoReverseMatch:
        return ""
