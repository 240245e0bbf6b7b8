"""Find what waits for a person, and with which form it is answered."""

from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [("django_durable", "0006_starts")]
    operations = [
        migrations.AddField(
            model_name="wait",
            name="is_human",
            field=models.BooleanField(
                db_default=False, default=False, verbose_name="for a person"
            ),
        ),
        migrations.AddField(
            model_name="wait",
            name="schema",
            field=models.TextField(
                blank=True, db_default="", default="", verbose_name="schema"
            ),
        ),
        migrations.AddIndex(
            model_name="wait",
            index=models.Index(
                condition=Q(is_human=True),
                fields=["wake_at"],
                name="durable_wait_human",
            ),
        ),
    ]
