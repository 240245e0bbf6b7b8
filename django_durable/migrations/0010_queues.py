"""Remember which queues are paused."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("django_durable", "0009_worker_memory")]
    operations = [
        migrations.CreateModel(
            name="Queue",
            fields=[
                (
                    "name",
                    models.TextField(
                        primary_key=True, serialize=False, verbose_name="name"
                    ),
                ),
                (
                    "paused_at",
                    models.DateTimeField(
                        blank=True, null=True, verbose_name="paused at"
                    ),
                ),
                (
                    "paused_by",
                    models.TextField(
                        blank=True, default="", verbose_name="paused by"
                    ),
                ),
                (
                    "pause_reason",
                    models.TextField(
                        blank=True, default="", verbose_name="why paused"
                    ),
                ),
            ],
            options={
                "verbose_name": "queue",
                "verbose_name_plural": "queues",
                "default_permissions": (),
            },
        ),
    ]
