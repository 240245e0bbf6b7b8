"""Which classes the admin gets, as ``DURABLE["ADMIN"]`` wants it."""

import sys
from contextlib import suppress
from typing import Any

from django.apps import apps
from django.contrib import admin
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

from django_durable import conf

Classes = dict[type[Any], type[admin.ModelAdmin]]

_waiting: Classes = {}


def register(classes: Classes) -> None:
    """Register our classes, or mix in a class of the project, or do nothing.

    The module of that class may be half imported: a theme that renders a template
    while it is imported loads our tags, and these load the console. Then
    ``complete()`` does it, when our app is ready.
    """
    choice = chosen()
    if choice is False or not apps.is_installed("django.contrib.admin"):
        return
    if _is_half_imported(choice):
        _waiting.update(classes)
        return
    for model, cls in classes.items():
        admin.site.register(model, with_base(cls, choice))


def chosen() -> "bool | str":
    """Return what the settings say; nothing of the console where they are wrong."""
    with suppress(ImproperlyConfigured):
        return conf.current().admin
    return False  # A check says why.


def complete() -> None:
    """Register what had to wait for the class that is mixed in."""
    classes = dict(_waiting)
    _waiting.clear()
    register(classes)


def with_base(cls: type[Any], choice: "bool | str") -> type[Any]:
    """Return the class, or one that has the project's class as a base, too.

    A class that does not exist is left to the check that looks for it.
    """
    if isinstance(choice, str):
        with suppress(ImportError):
            return type(cls.__name__, (cls, import_string(choice)), {})
    return cls


def _is_half_imported(choice: "bool | str") -> bool:
    if not isinstance(choice, str):
        return False
    module = sys.modules.get(choice.rpartition(".")[0])
    spec = getattr(module, "__spec__", None)
    return getattr(spec, "_initializing", False) is True
