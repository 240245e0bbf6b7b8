"""What all pages share: nobody edits rows by hand."""

from typing import Any

from django.apps import apps
from django.db.models import QuerySet
from django.forms import Media
from django.http import HttpRequest

from django_durable import conf
from django_durable.admin.pages import HasPages
from django_durable.admin.permissions import ReadOnly

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
