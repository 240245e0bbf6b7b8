"""The page that Prometheus reads. A project routes it where it likes."""

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from django_durable import conf
from django_durable.telemetry.metrics import exposition

PERMISSION = "django_durable.view_workflow"


@never_cache
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Show the metrics to who has the token, or may see workflows."""
    if not (_has_token(request) or _may_see_workflows(request)):
        raise PermissionDenied
    text, content_type = exposition()
    return HttpResponse(text, content_type=content_type)


def _has_token(request: HttpRequest) -> bool:
    token = conf.current().metrics_token
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    return (
        token is not None
        and scheme.lower() == "bearer"
        and constant_time_compare(given, token)
    )


def _may_see_workflows(request: HttpRequest) -> bool:
    user = getattr(request, "user", None)
    return user is not None and user.has_perm(PERMISSION)
