"""Who may answer: the people whom permissions name, unless the project refuses them."""

import logging
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Any

from django.contrib.admin import AdminSite, ModelAdmin
from django.contrib.auth import get_user_model
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

from django_durable.admin.approvals.holders import holders
from django_durable.admin.base import ReadOnlyAdmin
from django_durable.admin.permissions import ActionPermissions

# People who are looked at, besides whoever looks; and who are named at once.
MOST_ASKED = 20
MOST_NAMED = 3

VIEW = "django_durable.view_workflow"
SEND = "django_durable.send_workflow_message"
ANSWERING = ("has_send_permission", "has_topic_permission")
# What decides by permissions alone, which the people that are found have.
_OURS: dict[str, Any] = {
    "get_queryset": ReadOnlyAdmin.get_queryset,
    "has_view_permission": ModelAdmin.has_view_permission,
    "has_send_permission": ActionPermissions.has_send_permission,
    "has_topic_permission": ActionPermissions.has_topic_permission,
}

logger = logging.getLogger("django_durable")


@dataclass(frozen=True, slots=True)
class Who:
    """Who may answer one question: you, these others, and maybe more people."""

    is_you: bool
    others: tuple[str, ...]
    is_whole: bool

    @property
    def first(self) -> tuple[str, ...]:
        """Those who are named at once."""
        return self.others[: MOST_NAMED - self.is_you]

    @property
    def more(self) -> int:
        """How many are not."""
        return len(self.others) - len(self.first)


@dataclass(frozen=True, slots=True)
class _Person:
    """Somebody, in a request of theirs with nothing of a browser's."""

    name: str
    request: HttpRequest
    ids: Collection[str] | None  # Of what exists for them; None: everything.


class Deciders:
    """Who may answer what a page shows.

    They are looked up once, and asked about only where a project decides itself.
    """

    def __init__(
        self, model_admin: Any, request: HttpRequest, waits: Iterable[Any]
    ) -> None:
        self._admin, self._request = model_admin, request
        self._has_failed = False
        self._is_whole: bool
        users: Iterable[Any]
        own = [name for name in _OURS if _is_own(model_admin, name)]
        self._hooks = [name for name in own if name != "get_queryset"]
        ids = {wait.workflow_id for wait in waits} if "get_queryset" in own else None
        found = waits and self._safely(lambda: _users(model_admin, request))
        users, self._is_whole = found or ((), False)
        self._people = [
            _Person(user.get_username(), asked, ids and self._existing(asked, ids))
            for user in users
            if self._may_work(asked := self._request_of(user))
        ]

    def of(self, wait: Any) -> Who:
        """Return who may answer this."""
        others = tuple(
            person.name
            for person in self._people
            if (person.ids is None or wait.workflow_id in person.ids)
            and self._is_allowed(person.request, wait, self._hooks)
        )
        is_you = self._is_allowed(self._request, wait, ANSWERING)
        # Whoever cannot be asked might be allowed.
        return Who(is_you, others, self._is_whole and not self._has_failed)

    def _is_allowed(
        self, request: HttpRequest, wait: Any, names: Iterable[str]
    ) -> bool:
        return all(self._answer(name, request, wait) for name in names)

    def _answer(self, name: str, request: HttpRequest, wait: Any) -> bool:
        topic = (wait.key,) if name == "has_topic_permission" else ()
        ask = getattr(self._admin, name)
        return bool(self._safely(lambda: ask(request, wait.workflow, *topic)))

    def _request_of(self, user: Any) -> HttpRequest:
        request = HttpRequest()
        request.method, request.user = "GET", user
        request.current_app = self._admin.admin_site.name
        return request

    def _may_work(self, request: HttpRequest) -> bool:
        site = self._admin.admin_site
        return bool(self._safely(lambda: site.has_permission(request)))

    def _existing(self, request: HttpRequest, ids: Collection[str]) -> Collection[str]:
        def ask() -> Collection[str]:
            rows = self._admin.get_queryset(request).filter(pk__in=ids)
            return set(rows.values_list("pk", flat=True))

        return self._safely(ask) or ()

    def _safely(self, ask: Callable[[], Any]) -> Any:
        """Return what a project's code answers; None, and a line in the log, if not."""
        try:
            return ask()
        except PermissionDenied:
            return None
        except Exception:
            if not self._has_failed:
                logger.exception("Who may answer cannot be told: this counts as no.")
            self._has_failed = True
            return None


def _is_own(model_admin: Any, name: str) -> bool:
    """Tell whether a project, or a theme, has put its own method there."""
    return getattr(type(model_admin), name) is not _OURS[name]


def _users(model_admin: Any, request: HttpRequest) -> tuple[list[Any], bool]:
    """Return others who have the permissions, and whether they are all."""
    # What a project decides itself may be yes without the permission.
    is_open = _is_own(model_admin, "has_send_permission")
    rows, is_whole = holders([VIEW] if is_open else [VIEW, SEND])
    if rows is None:
        return [], False
    model, site = get_user_model(), model_admin.admin_site.__class__
    fields = {field.name for field in model._meta.get_fields()}
    if "is_staff" in fields and site.has_permission is AdminSite.has_permission:
        rows = rows.filter(is_staff=True)
    others = rows.exclude(pk=request.user.pk).order_by(model.USERNAME_FIELD)
    found = list(others[: MOST_ASKED + 1])
    return found[:MOST_ASKED], is_whole and len(found) <= MOST_ASKED
