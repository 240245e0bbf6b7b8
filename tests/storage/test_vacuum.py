"""What PostgreSQL is told about the tables."""

import pytest
from django.db import connection


@pytest.mark.django_db
@pytest.mark.skipif(
    connection.vendor != "postgresql", reason="SQLite vacuums nothing by itself."
)
def test_workflows_are_vacuumed_when_a_fiftieth_is_dead():
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT reloptions FROM pg_class WHERE relname = 'django_durable_workflow'"
        )
        (options,) = cursor.fetchone()

    assert options == ["autovacuum_vacuum_scale_factor=0.02"]
