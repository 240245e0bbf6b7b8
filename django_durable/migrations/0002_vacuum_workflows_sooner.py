"""Vacuum the table of workflows when a fiftieth of it is dead, not a fifth.

Each execution leaves two dead versions of its row, also in the index that claims
read; with millions of finished workflows a fifth of the table is very many.
"""

from django.db import migrations

FRACTION = 0.02


def vacuum_sooner(apps, schema_editor):
    _alter(schema_editor, f"SET (autovacuum_vacuum_scale_factor = {FRACTION})")


def vacuum_as_the_server_says(apps, schema_editor):
    _alter(schema_editor, "RESET (autovacuum_vacuum_scale_factor)")


def _alter(schema_editor, change):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(f"ALTER TABLE django_durable_workflow {change}")


class Migration(migrations.Migration):
    dependencies = [("django_durable", "0001_initial")]
    operations = [migrations.RunPython(vacuum_sooner, vacuum_as_the_server_says)]
