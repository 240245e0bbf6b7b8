"""What a bulk action is about: signed, so that it cannot change on its way."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from django.core import signing
from django.db.models import QuerySet
from django.http import HttpRequest

from django_durable.bulk.narrowing import narrow

SALT = "django_durable.bulk.selection"
LASTS_SECONDS = 3600


class BadSelection(Exception):
    """It was changed, is too old, or is somebody else's: answer with 400."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Workflows by their ids, or all that the list's filters match.

    ``params`` are the parameters of the list, see narrowing.narrow(). What was
    created after ``cutoff`` does not belong to it; nor does more than ``count``.
    """

    action: str
    user: str
    cutoff: str
    count: int
    ids: tuple[str, ...] = ()
    params: Mapping[str, str] = field(default_factory=dict)

    def signed(self) -> str:
        """Return it as text for a form."""
        return signing.dumps(asdict(self), salt=SALT, compress=True)

    def rows(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        """Keep what was chosen, the oldest first."""
        cutoff = datetime.fromisoformat(self.cutoff)
        known = rows.filter(created_at__lte=cutoff).order_by("created_at", "pk")
        if self.ids:
            return known.filter(pk__in=self.ids)
        return narrow(known, self.params, now=cutoff)


def read_selection(request: HttpRequest, text: str) -> Selection:
    """Return the selection that this user was shown; raises BadSelection."""
    try:
        found = signing.loads(text, salt=SALT, max_age=LASTS_SECONDS)
        chosen = Selection(**{**found, "ids": tuple(found["ids"])})
    except (signing.BadSignature, KeyError, TypeError, ValueError) as error:
        raise BadSelection from error
    if chosen.user != str(request.user.pk):
        raise BadSelection
    return chosen
