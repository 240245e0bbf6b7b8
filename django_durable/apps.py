"""The app: ties the rooms together once the registry is ready."""

from datetime import datetime

from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules
from django.utils.translation import gettext_lazy as _


class DurableConfig(AppConfig):
    """Durable workflows."""

    name = "django_durable"
    verbose_name = _("Durable workflows")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Install the engine, connect receivers, find the apps' workflows."""
        from importlib.util import find_spec

        from django_durable import bulk, checks, clock, logs, receivers
        from django_durable.definitions import engine, registry
        from django_durable.execution.outside import OutsideEngine
        from django_durable.models import code

        engine.install(OutsideEngine())
        code.find_versions_with(registry.version_of)
        clock.follow(_database_time)
        receivers.connect()
        logs.install()
        checks.register()
        assert bulk.NAME  # Its definition is registered: workers execute it.
        if find_spec("channels") is not None:
            from django_durable.streaming import layers

            layers.connect()
        autodiscover_modules("workflows")
        _complete_console()


def _complete_console() -> None:
    """Register the console with the class that the settings mix in, if they do."""
    from contextlib import suppress

    from django.apps import apps
    from django.core.exceptions import ImproperlyConfigured
    from django.utils.module_loading import import_string

    from django_durable import conf

    try:
        choice = conf.current().admin
    except ImproperlyConfigured:  # A check reports it.
        return
    if not isinstance(choice, str) or not apps.is_installed("django.contrib.admin"):
        return
    with suppress(ImportError):  # A check reports it.
        import_string(choice)
    from django_durable.admin import registration

    registration.complete()


def _database_time() -> datetime | None:
    """Read the database's time, outside of broken transactions only."""
    from django.db import DatabaseError, connections

    from django_durable import conf
    from django_durable.models.sql import database_now

    connection = connections[conf.current().database]
    if connection.needs_rollback:
        return None
    try:
        return database_now(connection)
    except DatabaseError:
        return None
