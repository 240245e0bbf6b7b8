"""Who may do what in the console: one permission for each kind of action."""

from typing import TYPE_CHECKING, Any

from django.contrib.admin.sites import all_sites
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest

from django_durable.models import Workflow


def may(request: HttpRequest, codename: str) -> bool:
    """Tell whether the user has a permission of ours, such as ``cancel_workflow``."""
    return request.user.has_perm(f"django_durable.{codename}")


def require(request: HttpRequest, *codenames: str) -> None:
    """Refuse with 403 unless the user has all of these permissions."""
    if not all(may(request, codename) for codename in codenames):
        raise PermissionDenied


def of_site(request: HttpRequest) -> "ActionPermissions | None":
    """Return whom to ask about single workflows in the admin site that is asked."""
    for site in all_sites:
        if site.name == getattr(request, "current_app", None):
            found = site._registry.get(Workflow)
            return found if isinstance(found, ActionPermissions) else None
    return None


class ReadOnly:
    """Nobody edits rows by hand."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Rows are made by workflows."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Rows are changed by workflows."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Rows are deleted by retention, or on a page of our own."""
        return False


class ActionPermissions:
    """What Django's ``permissions=["cancel"]`` and our pages ask.

    A project that decides for each object overrides these, and
    ``has_view_permission``, which is Django's.
    """

    if TYPE_CHECKING:

        def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
            """Return the workflows that exist for the user."""

        def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
            """Tell whether the user may see workflows, or this one."""

    def has_view_data_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Tell whether the user may see inputs, outputs, errors and messages."""
        return may(request, "view_workflow_data")

    def has_start_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Tell whether the user may start workflows."""
        return may(request, "start_workflow")

    def has_cancel_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Tell whether the user may cancel."""
        return may(request, "cancel_workflow")

    def has_resume_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Tell whether the user may resume, and release from the dead letter."""
        return may(request, "resume_workflow")

    def has_fork_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Tell whether the user may fork: steps are executed once more."""
        return may(request, "fork_workflow")

    def has_restart_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Tell whether the user may restart: the permission is that of forks."""
        return self.has_fork_permission(request, obj)

    def has_send_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Tell whether the user may send messages."""
        return may(request, "send_workflow_message")

    def has_topic_permission(self, request: HttpRequest, obj: Any, topic: str) -> bool:
        """Tell whether who may send messages may send this workflow one of a topic.

        For projects in which not everybody decides about everything.
        """
        return True

    def has_erase_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Tell whether the user may delete finished workflows, on our own page."""
        return may(request, "delete_workflow")
