"""Remember the limits of queues, and what was started within them."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("django_durable", "0010_queues"),
    ]

    operations = [
        migrations.CreateModel(
            name="QueueStart",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "queue_name",
                        "slice",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("queue_name", models.TextField(verbose_name="queue")),
                ("slice", models.BigIntegerField()),
                ("started_at", models.DateTimeField(verbose_name="started at")),
                ("number", models.IntegerField(verbose_name="number")),
            ],
            options={
                "default_permissions": (),
            },
        ),
        migrations.AddField(
            model_name="queue",
            name="claims",
            field=models.BigIntegerField(db_default=0, default=0, editable=False),
        ),
        migrations.AddField(
            model_name="queue",
            name="concurrency",
            field=models.IntegerField(
                blank=True,
                help_text="So many are executed at once; null: any number.",
                null=True,
                verbose_name="at once",
            ),
        ),
        migrations.AddField(
            model_name="queue",
            name="period",
            field=models.FloatField(
                blank=True, null=True, verbose_name="period in seconds"
            ),
        ),
        migrations.AddField(
            model_name="queue",
            name="rate",
            field=models.IntegerField(
                blank=True,
                help_text="So many are started in any period; null: any number.",
                null=True,
                verbose_name="rate",
            ),
        ),
    ]
