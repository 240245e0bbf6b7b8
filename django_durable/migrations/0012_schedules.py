"""Start workflows at the moments of cron expressions."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("django_durable", "0011_queue_limits")]
    operations = [
        migrations.AddField(
            model_name="worker",
            name="schedules",
            field=models.JSONField(
                help_text="Null: unknown.", null=True, verbose_name="schedules"
            ),
        ),
        migrations.CreateModel(
            name="Schedule",
            fields=[
                (
                    "name",
                    models.TextField(
                        primary_key=True, serialize=False, verbose_name="name"
                    ),
                ),
                ("workflow_name", models.TextField(verbose_name="workflow")),
                ("cron", models.TextField(verbose_name="cron expression")),
                ("time_zone", models.TextField(verbose_name="time zone")),
                (
                    "overlap",
                    models.CharField(
                        choices=[
                            ("skip", "skip while the last one runs"),
                            ("allow", "allow"),
                        ],
                        max_length=8,
                        verbose_name="overlap",
                    ),
                ),
                (
                    "catch_up",
                    models.CharField(
                        choices=[
                            ("none", "none"),
                            ("one", "the latest one"),
                            ("all", "all"),
                        ],
                        max_length=8,
                        verbose_name="catching up",
                    ),
                ),
                ("queue_name", models.TextField(verbose_name="queue")),
                ("inputs", models.TextField(verbose_name="inputs")),
                (
                    "takes_moment",
                    models.BooleanField(
                        default=False,
                        help_text="Whether the workflow is given the moment of its tick.",
                        verbose_name="takes its moment",
                    ),
                ),
                ("next_at", models.DateTimeField(verbose_name="next at")),
                (
                    "skipped",
                    models.BigIntegerField(default=0, verbose_name="ticks skipped"),
                ),
                (
                    "skipped_in_row",
                    models.BigIntegerField(
                        default=0,
                        help_text="Since the last one that has started a workflow.",
                        verbose_name="ticks skipped in a row",
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
                    models.TextField(blank=True, default="", verbose_name="paused by"),
                ),
                (
                    "pause_reason",
                    models.TextField(blank=True, default="", verbose_name="why paused"),
                ),
                ("created_at", models.DateTimeField(verbose_name="created at")),
                (
                    "changed_at",
                    models.DateTimeField(verbose_name="declaration changed at"),
                ),
            ],
            options={
                "verbose_name": "schedule",
                "verbose_name_plural": "schedules",
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="Tick",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True,
                        primary_key=True,
                        serialize=False,
                        verbose_name="ID",
                    ),
                ),
                ("scheduled_at", models.DateTimeField(verbose_name="scheduled at")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("due", "on time"),
                            ("hand", "by hand"),
                            ("backfill", "backfill"),
                        ],
                        default="due",
                        max_length=8,
                        verbose_name="kind",
                    ),
                ),
                (
                    "is_over",
                    models.BooleanField(
                        default=False,
                        help_text="Its workflow had ended when a later tick looked at it.",
                        verbose_name="is over",
                    ),
                ),
                ("created_at", models.DateTimeField(verbose_name="created at")),
                (
                    "schedule",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=models.CASCADE,
                        related_name="ticks",
                        to="django_durable.schedule",
                        verbose_name="schedule",
                    ),
                ),
                (
                    "workflow",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        db_index=False,
                        help_text="Null: skipped, since the last one had not ended.",
                        null=True,
                        on_delete=models.CASCADE,
                        related_name="ticks",
                        to="django_durable.workflow",
                        verbose_name="workflow",
                    ),
                ),
            ],
            options={
                "verbose_name": "tick",
                "verbose_name_plural": "ticks",
                "default_permissions": (),
                "indexes": [
                    models.Index(
                        fields=["schedule", "-scheduled_at"], name="durable_tick_recent"
                    ),
                    models.Index(
                        condition=models.Q(is_over=False, workflow__isnull=False),
                        fields=["schedule"],
                        name="durable_tick_open",
                    ),
                    models.Index(
                        condition=models.Q(workflow__isnull=True),
                        fields=["schedule", "-scheduled_at"],
                        name="durable_tick_skipped",
                    ),
                    models.Index(
                        condition=models.Q(workflow__isnull=False),
                        fields=["workflow"],
                        name="durable_tick_workflow",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=~models.Q(kind="hand"),
                        fields=("schedule", "scheduled_at"),
                        name="durable_tick_once",
                    )
                ],
            },
        ),
    ]
