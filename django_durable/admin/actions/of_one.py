"""The actions of the page of one row: a select that Django has from 6.1 on.

Each leads to the page that asks, as the link of its name does; that page decides.
"""

from collections.abc import Callable, Collection
from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import quote
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.text import format_lazy

from django_durable.admin.actions.operations import OPERATIONS
from django_durable.admin.confirming import Words

Action = Callable[[Any, HttpRequest, QuerySet[Any]], HttpResponse]

_LOCATION: Any = getattr(admin, "ActionLocation", None)


def action_of_one(
    name: str, label: Words, *, permission: str, page: str
) -> tuple[Action, ...]:
    """Return an action that leads to ``admin:django_durable_PAGE`` of a row.

    Empty where Django has no place for it.
    """
    if _LOCATION is None:
        return ()

    def lead(
        model_admin: Any, request: HttpRequest, queryset: QuerySet[Any]
    ) -> HttpResponse:
        key = queryset.values_list("pk", flat=True).first()
        if key is None:
            raise Http404
        address = reverse(
            f"admin:django_durable_{page}",
            args=[quote(str(key))],
            current_app=model_admin.admin_site.name,
        )
        return HttpResponseRedirect(address)

    lead.__name__ = name  # Django's name of the action.
    place: dict[str, Any] = {"location": [_LOCATION.CHANGE_FORM]}
    described = format_lazy("{}…", label)
    action = admin.action(permissions=[permission], description=described, **place)
    return (action(lead),)


def offered(form: Any, tools: Collection[Any]) -> Any:
    """Return the form with those of our actions that are among the tools.

    None when there is nothing to choose. Actions of a project stay.
    """
    if form is None:
        return None
    names, field = {tool["name"] for tool in tools}, form.fields["action"]
    field.choices = [
        (name, text)
        for name, text in field.choices
        if name in names or name not in OPERATIONS
    ]
    return form if any(name for name, _text in field.choices) else None


OF_A_WORKFLOW = tuple(
    action
    for each in OPERATIONS.values()
    for action in action_of_one(
        each.name,
        each.label,
        permission=each.permission,
        page=f"workflow_{each.name}",
    )
)
