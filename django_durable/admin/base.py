"""What all pages share: nobody edits rows by hand."""

from collections.abc import Collection, Iterable
from typing import Any, ClassVar

from django.apps import apps
from django.contrib import messages
from django.db.models import QuerySet
from django.forms import Media
from django.http import HttpRequest
from django.utils.translation import gettext as _

from django_durable import conf
from django_durable.admin.figures import condition
from django_durable.admin.listing.strict import parameters_of
from django_durable.admin.pages import HasPages, harden, unmigrated
from django_durable.admin.permissions import ReadOnly
from django_durable.bulk.searching import terms_of

# Scripts of the admin for forms that change rows; under a policy that requires
# Trusted Types they raise errors.
_NEED_JQUERY = (
    *("vendor/jquery/jquery.js", "vendor/jquery/jquery.min.js", "jquery.init.js"),
    *("admin/RelatedObjectLookups.js", "urlify.js", "prepopulate.js"),
    *("vendor/xregexp/xregexp.js", "vendor/xregexp/xregexp.min.js"),
)
# They build on the admin's jQuery.
_THEMES_WITH_JQUERY = ("jazzmin",)


def _needs_jquery(script: object) -> bool:
    # A string, or from Django 6.1 on an object that has it.
    return str(getattr(script, "_path", script)).endswith(_NEED_JQUERY)


class ReadOnlyAdmin(ReadOnly, HasPages):
    """Shows rows; changing them is for actions with a name."""

    show_full_result_count = False
    # The only ones that its list takes beside those of every list.
    filter_parameters: ClassVar[Collection[str]] = ()

    @property
    def media(self) -> Media:
        """What lists need, without jQuery."""
        media = super().media
        if any(map(apps.is_installed, _THEMES_WITH_JQUERY)):
            return media
        css, js = media._css, media._js  # type: ignore[attr-defined]
        kept = [path for path in js if not _needs_jquery(path)]
        return Media(css=css, js=kept)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Read the rows where they are."""
        return super().get_queryset(request).using(conf.current().database)

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """Return the list, unless its address says what the list does not know."""
        parameters_of(request, self.filter_parameters)
        return super().get_changelist_instance(request)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Search for the first terms only, and tell what was not looked for."""
        terms, notes = terms_of(search_term)
        self.tell_notes(request, notes)
        return super().get_search_results(request, queryset, " ".join(terms))

    def tell_notes(self, request: HttpRequest, notes: Iterable[str]) -> None:
        """Warn of what a search leaves out."""
        for note in notes:
            self.message_user(request, note, messages.WARNING)

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> Any:
        """Show the list, or say that a filter does not exist."""
        missing = condition.missing_migrations(conf.current().database)
        if missing and self.has_view_permission(request):
            return harden(unmigrated(self, request, missing))
        response = super().changelist_view(request, extra_context)
        if response.status_code == 302 and response["Location"].endswith("?e=1"):
            text = _("The list has no such filter. It shows everything else.")
            self.message_user(request, text, messages.WARNING)
        return harden(response)
