"""Know the marker of a patch among the kinds of steps; no table changes."""

from django.db import migrations, models

KINDS = [
    ("step", "step"),
    ("transaction", "transaction"),
    ("sleep", "sleep"),
    ("value", "value"),
    ("child", "child"),
    ("start", "start"),
    ("result", "result"),
    ("send", "send"),
    ("recv", "recv"),
    ("set_event", "set event"),
    ("get_event", "get event"),
    ("write_stream", "write stream"),
    ("close_stream", "close stream"),
    ("read_stream", "read stream"),
    ("first_of", "first of"),
    ("patch", "patch"),
]


class Migration(migrations.Migration):
    dependencies = [("django_durable", "0004_operations")]
    operations = [
        migrations.AlterField(
            model_name="step",
            name="kind",
            field=models.CharField(choices=KINDS, max_length=16, verbose_name="kind"),
        ),
    ]
