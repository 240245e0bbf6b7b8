"""What all pages share: nobody edits rows by hand."""

from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest

from django_durable import conf
from django_durable.admin.pages import HasPages


class ReadOnlyAdmin(HasPages):
    """Shows rows; changing them is for actions with a name."""

    show_full_result_count = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Read the rows where they are."""
        return super().get_queryset(request).using(conf.current().database)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Rows are made by workflows."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Rows are changed by workflows."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Rows are deleted by retention, or on a page of our own."""
        return False
