"""Methods that tell by their name what they do: Django's queries, and a few others."""

import ast

from django_durable.lint.rules import IO, QUERY, READ, THREAD, WRITE, Rule

# The path of managers and querysets, whatever their class.
MANAGER = "django.db.models.Manager"


def _words(text: str) -> list[str]:
    return text.split()


# What a chain of calls on a manager goes on from.
QUERYSETS = frozenset(
    [
        *_words("alias all annotate dates datetimes db_manager defer difference"),
        *_words("distinct exclude extra filter intersection none only order_by"),
        *_words("prefetch_related raw reverse select_for_update select_related union"),
        *_words("using values values_list"),
    ]
)
_READS = [
    *_words("aggregate contains count earliest exists explain first get in_bulk"),
    *_words("iterator last latest"),
]
_WRITES = [
    *_words("add bulk_create bulk_update clear create delete get_or_create remove"),
    *_words("save set update update_or_create"),
]
_QUERIES = dict.fromkeys((*QUERYSETS, *_READS), READ)
_QUERIES |= dict.fromkeys(_WRITES, WRITE)
_QUERIES |= {f"a{name}": rule for name, rule in _QUERIES.items()}


def query_rule(method: str) -> Rule:
    """Return the rule for a method of a manager or queryset."""
    return _QUERIES.get(method, QUERY)


def attribute_rule(attribute: str, method: str) -> Rule | None:
    """Return the rule for ``….objects.create()`` of which nothing else is known."""
    return _QUERIES.get(method) if attribute == "objects" else None


# Methods that tell by their name what they do, on objects of which nothing is known:
# with the keywords that they take, None for any arguments.
_SAVING = {"using", "update_fields", "force_insert", "force_update", "commit"}
_DELETING = {"using", "keep_parents"}
_METHODS: dict[str, tuple[Rule, set[str] | None]] = {
    "save": (WRITE, _SAVING),
    "asave": (WRITE, _SAVING),
    "delete": (WRITE, _DELETING),
    "adelete": (WRITE, _DELETING),
    "refresh_from_db": (READ, None),
    "arefresh_from_db": (READ, None),
    "select_for_update": (READ, None),
    "read_text": (IO, None),
    "read_bytes": (IO, None),
    "write_text": (IO, None),
    "write_bytes": (IO, None),
    "run_in_executor": (THREAD, None),
}
for _name in ("bulk_create", "bulk_update", "get_or_create", "update_or_create"):
    _METHODS |= {_name: (WRITE, None), f"a{_name}": (WRITE, None)}


def method_rule(method: str, call: ast.Call | None) -> Rule | None:
    """Return the rule for a method of an object of which nothing is known."""
    rule, keywords = _METHODS.get(method, (None, None))
    if keywords is None or call is None:
        return rule
    given = {keyword.arg for keyword in call.keywords}
    return rule if not call.args and given <= keywords else None
