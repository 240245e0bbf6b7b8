"""Who acts on workflows, and what they may do: asked of the admin, as its pages ask.

A run acts for the person who ordered it, long after their request: it loads them
anew, so that what they may do counts as it stands then.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.conf import settings
from django.contrib.auth import get_user_model
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import get_resolver
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _

from django_durable.bulk.selection import Selection
from django_durable.models import Workflow
from django_durable.models.workflow import PAYLOADS

NAME = "django_durable.bulk"
# What can be done to many; the middle of a method of the admin, ``has_…_permission``.
PERMISSIONS = {
    "cancel": "cancel",
    "resume": "resume",
    "restart": "restart",
    "delete": "erase",
}


NOT_TWICE = (
    "A bulk action is not done twice. Select in the admin's list, and order it anew."
)


class Stopped(Exception):
    """A run must not go on; the text says why."""


@dataclass(frozen=True, slots=True)
class Actor:
    """A person in an admin site, with a request of theirs.

    Where nobody waits for an answer, the request has a user and nothing else.
    """

    model_admin: Any
    request: HttpRequest

    def rows(self) -> QuerySet[Any]:
        """Return the workflows that exist for them, without what may be long."""
        rows: QuerySet[Any] = self.model_admin.get_queryset(self.request)
        return rows.defer(*PAYLOADS)

    @property
    def sees_data(self) -> bool:
        """Tell whether they may see inputs, outputs and errors."""
        return bool(self.model_admin.has_view_data_permission(self.request))

    def may(self, action: str, workflow: Any = None) -> bool:
        """Tell whether they may do it, to one workflow or at all."""
        name = f"has_{PERMISSIONS[action]}_permission"
        given = (self.request,) if workflow is None else (self.request, workflow)
        return bool(getattr(self.model_admin, name)(*given))

    def objection(self, action: str, workflow: Any) -> str:
        """Say why this is not theirs to do; nothing when it is."""
        sees = self.model_admin.has_view_permission(self.request, workflow)
        if not (sees and self.may(action, workflow)):
            return _("Not allowed.")
        return self.objection_to_run(action, workflow)

    def objection_to_run(self, action: str, workflow: Any) -> str:
        """Say why it is not done to a run of this kind; nothing of other workflows.

        Whoever lets a run go on does what it was ordered to do.
        """
        if workflow.name != NAME:
            return ""
        if action in ("restart", "fork"):
            return NOT_TWICE
        ordered = str(workflow.attributes.get("action", ""))
        if action == "resume" and not (ordered in PERMISSIONS and self.may(ordered)):
            return _("To resume it, one must be allowed what it does: %s.") % ordered
        return ""


def actor_of(order: Mapping[str, Any]) -> Actor:
    """Return the person who has ordered a run; raises Stopped."""
    by, selection = order["by"], Selection(**order["selection"])
    request = HttpRequest()
    request.method, request.user = "POST", _user(order["user"], by)
    request.current_app = order["site"]
    actor = Actor(_model_admin(order["site"]), request)
    sees = actor.model_admin.has_view_permission(request)
    if not (sees and actor.may(selection.action)):
        text = _("%(user)s is no longer allowed to do it: %(action)s.")
        raise Stopped(text % {"user": by, "action": selection.action})
    if selection.needs_data and not actor.sees_data:
        text = _("%s is no longer allowed to search in errors.")
        raise Stopped(text % by)
    return actor


def _user(pk: str, name: str) -> Any:
    user = get_user_model()._default_manager.filter(pk=pk).first()
    # Users of other kinds than Django's may have no such mark.
    if user is None or not (user.is_active and getattr(user, "is_staff", True)):
        raise Stopped(_("%s may no longer work in the admin.") % name)
    return user


def _model_admin(name: str) -> Any:
    """Return what the pages of an admin site ask about workflows."""
    if apps.is_installed("django.contrib.admin"):
        if hasattr(settings, "ROOT_URLCONF"):
            get_resolver().url_patterns  # noqa: B018  Sites are made there, too.
        default = import_string("django.contrib.admin.site")
        for site in (default, *import_string("django.contrib.admin.sites.all_sites")):
            if site.name == name and site.is_registered(Workflow):
                return site.get_model_admin(Workflow)
    raise Stopped(_("The worker knows no admin site “%s” with workflows.") % name)
