"""A server that the database tells nothing, as behind a pooler."""

from importlib import import_module

from tests.streaming.asgi import application

import_module("django_durable.wakeup").hub._make_source = lambda hub: None

__all__ = ["application"]
