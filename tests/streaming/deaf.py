"""A server that hears of commits over a channel layer alone, and never looks."""

from importlib import import_module

from tests.streaming.unheard import application

NEVER = 3600.0

for module, name in (
    ("hub", "BLIND_LOOK_SECONDS"),
    ("hub", "SLOW_LOOK_SECONDS"),
    ("topics", "SLOW_LOOK_SECONDS"),
    ("feeds", "LIVELY_LOOK_SECONDS"),
):
    setattr(import_module(f"django_durable.streaming.{module}"), name, NEVER)

__all__ = ["application"]
