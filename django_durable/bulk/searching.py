"""The syntax of the search: ``order-10 =order-1042 attr.customer:42 error:Timeout``."""

import re
from typing import Any

from django.db import connections
from django.db.models import F, Func, Q, QuerySet, TextField, Value
from django.db.models.functions import Coalesce, NullIf, StrIndex, Substr
from django.db.models.lookups import Exact, IContains
from django.utils.translation import gettext as _, gettext_lazy

from django_durable import redaction
from django_durable.definitions import registry

HELP = gettext_lazy(
    "Beginning of an id, =id, name:part, attr.customer:42, error:Timeout"
)
MOST_CHARACTERS = 200
MOST_TERMS = 8
# Type and message stand at the beginning of a stored error.
SEARCHED_OF_ERRORS = 2000
_KEY = re.compile(r"[\w.-]{1,64}", re.ASCII)
_LAST_CHARACTER = "\U0010ffff"


class BadTerm(ValueError):
    """A term that cannot be looked for; the text says why."""


class AttributeText(Func):
    """The value of one attribute as text; its key is data, not part of the SQL."""

    def __init__(self, key: str) -> None:
        given = Value(key, output_field=TextField())
        super().__init__(F("attributes"), given, output_field=TextField())

    def as_sql(  # type: ignore[override]
        self, compiler: Any, connection: Any, **extra: Any
    ) -> Any:
        """Render for PostgreSQL."""
        template = "(%(expressions)s)"
        return super().as_sql(
            compiler, connection, template=template, arg_joiner=" ->> ", **extra
        )

    def as_sqlite(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        """Render for SQLite, whose truth values are numbers."""
        template = (
            "(SELECT CASE type WHEN 'true' THEN 'true' WHEN 'false' THEN 'false'"
            " ELSE CAST(value AS TEXT) END FROM json_each(%(expressions)s))"
        )
        return super().as_sql(
            compiler,
            connection,
            template=template,
            arg_joiner=") WHERE (key = ",
            **extra,
        )


def search(
    rows: QuerySet[Any], text: str, *, with_data: bool
) -> tuple[QuerySet[Any], list[str]]:
    """Return what matches all terms, and notes on what was not looked for."""
    terms, notes = terms_of(text)
    try:
        for term in terms:
            rows = rows.filter(_condition(rows, term, with_data=with_data))
    except BadTerm as problem:
        return rows.none(), [*notes, str(problem)]
    return rows, notes


def terms_of(text: str) -> tuple[list[str], list[str]]:
    """Return the terms that are looked for, and notes on those that are not."""
    notes = []
    if len(text) > MOST_CHARACTERS:
        notes.append(_("The search was cut at %d characters.") % MOST_CHARACTERS)
    terms = text[:MOST_CHARACTERS].replace("\0", " ").split()
    if len(terms) > MOST_TERMS:
        notes.append(_("Only the first %d terms of the search count.") % MOST_TERMS)
    return terms[:MOST_TERMS], notes


def needs_data(text: str) -> bool:
    """Tell whether a search looks into what not everybody may see."""
    return any(term.startswith("error:") for term in terms_of(text)[0])


def _condition(rows: QuerySet[Any], term: str, *, with_data: bool) -> Any:
    if term.startswith("="):
        return Q(pk=term[1:])
    kind, colon, value = term.partition(":")
    if colon and kind.startswith("attr."):
        return _attribute(kind.removeprefix("attr."), value)
    if colon and kind == "name":
        return Q(name__icontains=value)
    if colon and kind == "error":
        if not with_data:
            raise BadTerm(_("To search in errors, one must be allowed to see them."))
        return Q(error__isnull=False) & _error(value)
    return _beginning(rows, term)


def _attribute(key: str, value: str) -> Any:
    if not _KEY.fullmatch(key):
        raise BadTerm(
            _("attr.KEY:VALUE takes a key of 1 to 64 letters, digits, “_”, “.”, “-”.")
        )
    return Exact(AttributeText(key), Value(value, output_field=TextField()))


def _error(value: str) -> Any:
    """Look into type and message; where displays hide the message, into the type.

    What is hidden is not to be found either, letter by letter.
    """
    in_type = IContains(_until(',"message":', 0), value)
    if redaction.hides_failure(""):
        return Q(in_type)
    names = [each.name for each in registry.all_definitions()]
    hiding = list(filter(redaction.hides_failure, names))
    in_message = IContains(_until(',"notes":', SEARCHED_OF_ERRORS), value)
    return Q(in_type) | ~Q(name__in=hiding) & Q(in_message)


def _until(key: str, otherwise: int) -> Any:
    """Return the beginning of a stored error, as far as a key of its JSON."""
    head = Substr("error", 1, SEARCHED_OF_ERRORS)
    length = NullIf(StrIndex(head, Value(key)), Value(0))
    return Substr(head, 1, Coalesce(length, Value(otherwise)))


def _beginning(rows: QuerySet[Any], term: str) -> Q:
    if connections[rows.db].vendor == "sqlite":
        # Its LIKE ignores case, and so any index.
        return Q(pk__gte=term, pk__lt=term + _LAST_CHARACTER)
    return Q(pk__startswith=term)
