"""Let the next execution of a workflow know the spans of earlier ones."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("django_durable", "0007_console")]
    operations = [
        migrations.AddField(
            model_name="workflow",
            name="traceparent",
            field=models.TextField(
                blank=True,
                editable=False,
                help_text="The spans that started and suspended it, when it is traced.",
                null=True,
                verbose_name="trace",
            ),
        ),
    ]
