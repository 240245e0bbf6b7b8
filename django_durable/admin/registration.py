"""Which classes the admin gets, as ``DURABLE["ADMIN"]`` wants it."""

from typing import Any

from django.apps import apps
from django.contrib import admin
from django.utils.module_loading import import_string

from django_durable import conf


def register(classes: "dict[type[Any], type[admin.ModelAdmin]]") -> None:
    """Register our classes, or mix in a class of the project, or do nothing."""
    choice = conf.current().admin
    if choice is False or not apps.is_installed("django.contrib.admin"):
        return
    for model, cls in classes.items():
        admin.site.register(model, with_base(cls, choice))


def with_base(cls: type[Any], choice: "bool | str") -> type[Any]:
    """Return the class, or one that has the project's class as a base, too."""
    if not isinstance(choice, str):
        return cls
    return type(cls.__name__, (cls, import_string(choice)), {})
