"""The whole of a project's asgi.py, but for its settings."""

from importlib.util import find_spec
from typing import Any

from django.core import asgi
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string


def get_asgi_application() -> Any:
    """Return Django's application with the sockets beside it.

    Takes the place of ``django.core.asgi.get_asgi_application()``. Pages of
    other origins cannot open the sockets.
    """
    if find_spec("channels") is None:
        raise ImproperlyConfigured(
            "The sockets need Channels: pip install"
            " 'django-durable-workflows[channels]'."
        )
    # Django's loads the apps, which the sockets need.
    http = asgi.get_asgi_application()
    return import_string("django_durable.streaming.routing.with_streams")(http)
