"""People with the permissions to answer, as far as the backends can name them."""

from collections.abc import Sequence
from functools import reduce
from operator import and_, or_
from typing import Any

from django.contrib.auth import get_backends
from django.core.exceptions import FieldError
from django.db.models import QuerySet
from django.utils.module_loading import import_string

_GRANTS = (
    "has_perm",
    "get_all_permissions",
    "get_user_permissions",
    "get_group_permissions",
)


def holders(permissions: Sequence[str]) -> tuple[QuerySet[Any] | None, bool]:
    """Return the active users who have all of these, and whether there are no others.

    None instead of users where no backend can name any.
    """
    found = [_holders(permission) for permission in permissions]
    users = [users for users, _is_whole in found if users is not None]
    is_known = len(users) == len(found)
    is_whole = all(is_whole for _users, is_whole in found)
    return (reduce(and_, users) if is_known else None), is_whole


def _holders(permission: str) -> tuple[QuerySet[Any] | None, bool]:
    found, is_whole = [], True
    for backend in filter(_grants, get_backends()):
        try:
            users = backend.with_perm(permission)  # type: ignore[attr-defined]
        # Not every backend can; Django's own cannot for users without groups.
        except (AttributeError, FieldError, NotImplementedError):
            users = None
        if isinstance(users, QuerySet):
            found.append(users)
        else:
            is_whole = False
    return (reduce(or_, found) if found else None), is_whole


def _grants(backend: Any) -> bool:
    """Tell whether a backend gives permissions; some only log people in."""
    # Its module has models: it cannot be imported where users are not installed.
    base = import_string("django.contrib.auth.backends.BaseBackend")
    given = (getattr(type(backend), name, None) for name in _GRANTS)
    none = (getattr(base, name) for name in _GRANTS)
    return any(one not in (None, other) for one, other in zip(given, none, strict=True))
