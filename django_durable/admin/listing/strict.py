"""Which parameters of its address a list reads; it refuses the others."""

from collections.abc import Collection

from django.contrib.admin.options import (
    IS_FACETS_VAR,
    IS_POPUP_VAR,
    TO_FIELD_VAR,
    IncorrectLookupParameters,
)
from django.contrib.admin.views import main
from django.http import HttpRequest

from django_durable.models.ids import may_exist

OF_EVERY_LIST = frozenset(
    {
        main.ALL_VAR,
        main.ERROR_FLAG,
        IS_FACETS_VAR,
        main.ORDER_VAR,
        main.PAGE_VAR,
        main.SEARCH_VAR,
        IS_POPUP_VAR,
        TO_FIELD_VAR,
    }
)


def parameters_of(request: HttpRequest, filters: Collection[str]) -> dict[str, str]:
    """Return the parameters of a list; raises IncorrectLookupParameters.

    No database is asked for values that it cannot have, and by no lookup but those of
    the ``filters``. A search is cut where it is made.
    """
    for name, values in request.GET.lists():
        is_known = name in OF_EVERY_LIST or name in filters
        is_search = name == main.SEARCH_VAR
        if not (is_known and (is_search or all(map(may_exist, values)))):
            raise IncorrectLookupParameters(name)
    return request.GET.dict()
