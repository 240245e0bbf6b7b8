import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Order",
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
                ("customer", models.CharField(max_length=80)),
                (
                    "payment",
                    models.CharField(
                        choices=[
                            ("good", "a card that works"),
                            ("flaky", "a card whose bank is down twice"),
                            ("refused", "a card that is refused"),
                        ],
                        default="good",
                        max_length=10,
                        verbose_name="pays with",
                    ),
                ),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("placed", "placed"),
                            ("created", "created"),
                            ("reserved", "inventory reserved"),
                            ("paid", "paid"),
                            ("payment_failed", "payment failed"),
                            ("shipped", "shipped"),
                        ],
                        default="placed",
                        max_length=20,
                    ),
                ),
                (
                    "total",
                    models.DecimalField(decimal_places=2, default=0, max_digits=10),
                ),
                ("reservation", models.CharField(blank=True, max_length=40)),
                ("charge", models.CharField(blank=True, max_length=40)),
                ("tracking", models.CharField(blank=True, max_length=40)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("updated_at", models.DateTimeField(default=django.utils.timezone.now)),
            ],
            options={
                "ordering": ["-pk"],
            },
        ),
        migrations.CreateModel(
            name="ServiceCall",
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
                ("service", models.CharField(max_length=20)),
                ("request", models.CharField(max_length=200)),
                ("idempotency_key", models.CharField(db_index=True, max_length=300)),
                ("answer", models.CharField(blank=True, max_length=200)),
                ("called_at", models.DateTimeField(default=django.utils.timezone.now)),
            ],
            options={
                "ordering": ["pk"],
            },
        ),
        migrations.CreateModel(
            name="OrderItem",
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
                ("sku", models.CharField(max_length=20)),
                ("title", models.CharField(max_length=80)),
                ("price", models.DecimalField(decimal_places=2, max_digits=10)),
                ("quantity", models.PositiveIntegerField()),
                (
                    "order",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="items",
                        to="orders.order",
                    ),
                ),
            ],
        ),
    ]
