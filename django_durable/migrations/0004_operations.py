"""Find copies, what ended long ago, and all that was sent to a workflow."""

from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [("django_durable", "0003_deadlines")]
    operations = [
        migrations.AddIndex(
            model_name="notification",
            index=models.Index(fields=["destination"], name="durable_notification_to"),
        ),
        migrations.AddIndex(
            model_name="workflow",
            index=models.Index(
                condition=Q(forked_from__isnull=False),
                fields=["forked_from"],
                name="durable_workflow_forks",
            ),
        ),
        migrations.AddIndex(
            model_name="workflow",
            index=models.Index(
                condition=Q(completed_at__isnull=False),
                fields=["status", "completed_at"],
                name="durable_workflow_ended",
            ),
        ),
    ]
