"""What a bulk action is about: signed, so that it cannot change on its way."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from django.core import signing
from django.db.models import QuerySet
from django.http import HttpRequest

from django_durable.bulk.narrowing import narrow
from django_durable.bulk.searching import needs_data

SALT = "django_durable.bulk.selection"
LASTS_SECONDS = 3600


class BadSelection(Exception):
    """It was changed, is too old, or is somebody else's: answer with 400."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Workflows by their ids, or all that the list's filters match.

    ``params`` are the parameters of the list, see narrowing.narrow(). What was
    created after ``cutoff`` does not belong to it; nor does more than ``count``.
    ``key`` is of this selection only: it is acted on once.
    """

    action: str
    user: str
    key: str
    cutoff: str
    count: int
    ids: tuple[str, ...] | None = None
    params: Mapping[str, str] = field(default_factory=dict)

    def signed(self) -> str:
        """Return it as text for a form."""
        return signing.dumps(asdict(self), salt=SALT, compress=True)

    def rows(self, rows: QuerySet[Any], *, with_data: bool) -> QuerySet[Any]:
        """Keep what was chosen, the oldest first; see narrow()."""
        cutoff = datetime.fromisoformat(self.cutoff)
        known = rows.filter(created_at__lte=cutoff).order_by("created_at", "pk")
        if self.ids is not None:
            return known.filter(pk__in=self.ids)
        return narrow(known, self.params, now=cutoff, with_data=with_data)

    @property
    def needs_data(self) -> bool:
        """Tell whether only those who may see errors can have chosen so."""
        return self.ids is None and needs_data(self.params.get("q", ""))


def read_selection(request: HttpRequest, text: str) -> Selection:
    """Return the selection that this user was shown; raises BadSelection."""
    try:
        found = signing.loads(text, salt=SALT, max_age=LASTS_SECONDS)
        chosen = Selection(**found)
    except (signing.BadSignature, KeyError, TypeError, ValueError) as error:
        raise BadSelection from error
    if chosen.user != str(request.user.pk):
        raise BadSelection
    return chosen
