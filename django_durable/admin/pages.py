"""Pages of our own beside lists and forms: permission, context, headers."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from hashlib import blake2b
from typing import Any, ClassVar

from django.contrib import admin
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseNotAllowed,
    HttpResponseNotModified,
    JsonResponse,
)
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.cache import add_never_cache_headers
from django.utils.translation import gettext as _

from django_durable import conf
from django_durable.admin.figures import condition
from django_durable.admin.permissions import require

BASE = "admin/django_durable/console/base.html"
READING = ("GET", "HEAD")
PageView = Callable[..., HttpResponse]
"""Takes the ModelAdmin, the request, and what the route captures."""


@dataclass(frozen=True, slots=True)
class Page:
    """One URL of a ModelAdmin, ``admin:django_durable_NAME``.

    ``route`` is below the list of the model. ``permissions`` are codenames of ours,
    all of which are needed. Only a form takes answers.
    """

    route: str
    name: str
    view: PageView
    permissions: tuple[str, ...]
    is_form: bool = False

    @property
    def is_data(self) -> bool:
        """Tell whether open pages ask for it, which read JSON."""
        return self.name.startswith("api_")


class HasPages(admin.ModelAdmin):
    """A ModelAdmin with pages of its own."""

    pages: ClassVar[tuple[Page, ...]] = ()

    def get_urls(self) -> list[URLPattern]:
        """Put the own pages first: the last pattern of Django takes everything."""
        own = [
            path(
                page.route,
                self.admin_site.admin_view(self._guarded(page)),
                name=f"django_durable_{page.name}",
            )
            for page in self.pages
        ]
        return own + super().get_urls()

    def _guarded(self, page: Page) -> PageView:
        @wraps(page.view)
        def view(request: HttpRequest, **captured: Any) -> HttpResponse:
            request.current_app = self.admin_site.name
            require(request, *page.permissions)
            if not (page.is_form or request.method in READING):
                return HttpResponseNotAllowed(READING)
            missing = condition.missing_migrations(conf.current().database)
            if missing:
                return harden(unmigrated(self, request, missing, page))
            return harden(page.view(self, request, **captured))

        return view


def harden(response: HttpResponse) -> HttpResponse:
    """Let nobody keep or guess at what a page of ours shows."""
    add_never_cache_headers(response)
    response["Cache-Control"] = "no-store, private"
    response["X-Content-Type-Options"] = "nosniff"
    return response


def render(
    model_admin: admin.ModelAdmin,
    request: HttpRequest,
    template: str,
    context: Mapping[str, Any],
    *,
    status: int = 200,
) -> TemplateResponse:
    """Render a template that extends ``admin/django_durable/console/base.html``."""
    request.current_app = model_admin.admin_site.name
    full = {
        **model_admin.admin_site.each_context(request),
        "opts": model_admin.opts,
        "model_admin": model_admin,
        **context,
    }
    return TemplateResponse(request, template, full, status=status)


def unmigrated(
    model_admin: admin.ModelAdmin,
    request: HttpRequest,
    missing: list[str],
    page: Page | None = None,
) -> HttpResponse:
    """Say which migrations are missing: nothing else can be asked of the tables."""
    alarms = condition.alarm_texts(missing, None)
    if page is not None and page.is_data:
        return answer(request, {"alarm": "".join(alarms)})
    context = {"title": _("Migrations are missing"), "alarms": alarms, "media": ""}
    return render(model_admin, request, BASE, context)


def gone(**found: Any) -> HttpResponse:
    """Tell an open page, with 404, that what it is about is no longer there."""
    words = {"is_over": True, "news": _("It is no longer there")}
    return JsonResponse({**words, **found}, status=404)


def answer(request: HttpRequest, found: Mapping[str, Any]) -> HttpResponse:
    """Return JSON that nobody keeps; nothing at all when it is what they have."""
    text = json.dumps(found, sort_keys=True)
    tag = f'"{blake2b(text.encode(), digest_size=12).hexdigest()}"'
    known = request.headers.get("If-None-Match", "")
    same = tag in [part.strip().removeprefix("W/") for part in known.split(",")]
    response = HttpResponseNotModified() if same else JsonResponse(dict(found))
    response["ETag"] = tag
    return response
