"""Find the next deadline of a workflow that has not ended."""

from django.db import migrations, models
from django.db.models import Q

ACTIVE = ("ENQUEUED", "PENDING", "WAITING", "PAUSED")


class Migration(migrations.Migration):
    dependencies = [("django_durable", "0002_vacuum_workflows_sooner")]
    operations = [
        migrations.AddIndex(
            model_name="workflow",
            index=models.Index(
                condition=Q(status__in=ACTIVE, deadline__isnull=False),
                fields=["deadline"],
                name="durable_workflow_deadline",
            ),
        ),
    ]
