"""Let workers tell with each heartbeat how much memory they take up."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("django_durable", "0008_traceparent")]
    operations = [
        migrations.AddField(
            model_name="worker",
            name="rss_bytes",
            field=models.BigIntegerField(
                help_text="Null: unknown.",
                null=True,
                verbose_name="resident memory in bytes",
            ),
        ),
    ]
