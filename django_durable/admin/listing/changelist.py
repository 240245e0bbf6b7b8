"""The list of workflows: counts above it, and what its columns show."""

from typing import Any

from django.contrib.admin.views import main
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _

from django_durable import clock
from django_durable.admin import prospects
from django_durable.admin.approvals.offering import offer
from django_durable.admin.listing import columns, counts, export, news
from django_durable.bulk.narrowing import STATES, narrow
from django_durable.models.status import TERMINAL


class WorkflowChangeList(main.ChangeList):
    """The list with the counts above it."""

    model_admin: Any
    queryset: Any
    result_list: Any
    strip: list[counts.Count]

    def __init__(self, request: HttpRequest, *args: Any) -> None:
        self.asked = request.GET.dict()
        super().__init__(request, *args)

    def get_results(self, request: HttpRequest) -> None:
        """Count by status what the other filters match, then fetch a page."""
        others = {**self.asked, "state": ""}
        with_data = self._with_data(request)
        rows = narrow(self.root_queryset, others, now=clock.now(), with_data=with_data)
        self.strip = counts.counts_by_status(rows)
        # For the paginator, which is given nothing but this.
        self.queryset.known_count = self._known_count()
        super().get_results(request)
        shown = prospects.mark(self._page(with_data=with_data))
        self.result_list = offer(self.model_admin, request, shown)

    def _known_count(self) -> int | None:
        """Return how many rows the list has, if the strip tells."""
        total = self.strip[0]
        state = self.asked.get("state", "")
        if not state:
            return total.number
        if total.is_capped or state not in STATES:
            return None
        statuses = STATES[state]
        return sum(each.number for each in self.strip if each.status in statuses)

    def _page(self, *, with_data: bool) -> QuerySet[Any]:
        """Fetch what the columns show for the rows of this page only.

        A database would work it out for all rows of the pages before, too.
        """
        page = self.result_list.values("pk")
        if not page.query.is_sliced:
            page = page[: self.list_max_show_all]
        rows = self.root_queryset.filter(pk__in=page)
        shown: QuerySet[Any] = columns.with_columns(
            rows, self.root_queryset, with_data=with_data
        )
        return shown.order_by(*self.queryset.query.order_by)

    def _with_data(self, request: HttpRequest) -> bool:
        return bool(self.model_admin.has_view_data_permission(request))

    @property
    def live_query(self) -> str:
        """Return what the open page asks for."""
        # First those that will change.
        rows = sorted(self.result_list, key=lambda row: row.status in TERMINAL)
        return news.address([row.pk for row in rows], self.asked)

    @property
    def most_exported(self) -> int:
        """Return at which row a file of this list ends; 0 where it has all of them."""
        return export.MOST_ROWS if self.result_count > export.MOST_ROWS else 0

    @property
    def strip_links(self) -> list[dict[str, Any]]:
        """Return the counts with the addresses that show only those."""
        return [
            {
                "count": count,
                "number": f"{count.number:,}".replace(",", "\u202f")
                + ("+" if count.is_capped else ""),
                "query": self.get_query_string({"state": count.state or None}),
                "is_chosen": self.asked.get("state", "") == count.state,
                "word": _("all"),
            }
            for count in self.strip
        ]
