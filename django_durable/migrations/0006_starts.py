"""Find the step that has started a workflow."""

from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [("django_durable", "0005_patches")]
    operations = [
        migrations.AddIndex(
            model_name="step",
            index=models.Index(
                condition=Q(kind="start"),
                fields=["child_id"],
                name="durable_step_started",
            ),
        ),
    ]
