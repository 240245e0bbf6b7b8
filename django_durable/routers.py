"""The router for durable tables on a database of their own."""

from typing import Any

from django_durable import conf

APP_LABEL = "django_durable"


class DurableRouter:
    """Sends the durable models to ``DURABLE["DATABASE"]``, and nothing else there.

    Put ``"django_durable.routers.DurableRouter"`` into ``DATABASE_ROUTERS`` when
    that alias is not "default". Transaction steps then commit together with
    what they write to that alias only.
    """

    def db_for_read(self, model: Any, **hints: Any) -> str | None:
        """Name the alias for a durable model."""
        if model._meta.app_label == APP_LABEL:
            return conf.current().database
        return None

    def db_for_write(self, model: Any, **hints: Any) -> str | None:
        """Name the alias for a durable model."""
        return self.db_for_read(model)

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool | None:
        """Create the durable tables on their alias, and only there."""
        if app_label == APP_LABEL:
            return db == conf.current().database
        return None
