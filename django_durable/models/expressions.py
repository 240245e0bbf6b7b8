"""SQL expressions that the two databases spell differently."""

from datetime import datetime
from typing import Any

from django.db import models
from django.db.models import F
from django.db.models.functions import Greatest

from django_durable.models.compiled import Given


class SecondsSince(models.Func):
    """Seconds from the last change of status (and, queued, from run_after)."""

    def __init__(self, now: datetime | Given, *, queued: bool = False) -> None:
        begin = Greatest("changed_at", "run_after") if queued else F("changed_at")
        stamped = (
            models.Value(now, output_field=models.DateTimeField())
            if isinstance(now, datetime)
            else now
        )
        super().__init__(stamped, begin, output_field=models.FloatField())

    def as_sql(  # type: ignore[override]
        self, compiler: Any, connection: Any, **extra: Any
    ) -> Any:
        """Render for PostgreSQL."""
        template = "GREATEST(0, EXTRACT(EPOCH FROM (%(expressions)s)))"
        return super().as_sql(
            compiler, connection, template=template, arg_joiner=" - ", **extra
        )

    def as_sqlite(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        """Render for SQLite."""
        now, begin = self.get_source_expressions()
        now_sql, now_params = compiler.compile(now)
        begin_sql, begin_params = compiler.compile(begin)
        days = f"julianday({now_sql}) - julianday({begin_sql})"
        return f"MAX(0, ({days}) * 86400.0)", [*now_params, *begin_params]
