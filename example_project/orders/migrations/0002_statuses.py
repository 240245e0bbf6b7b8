from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("orders", "0001_initial"),
    ]

    operations = [
        migrations.AlterField(
            model_name="order",
            name="status",
            field=models.CharField(
                choices=[
                    ("placed", "placed"),
                    ("created", "created"),
                    ("reserved", "inventory reserved"),
                    ("paid", "paid"),
                    ("payment_failed", "payment failed"),
                    ("shipped", "shipped"),
                    ("delivered", "delivered"),
                    ("returned", "returned by the carrier"),
                    ("missing", "missing on its way"),
                    ("cancelled", "cancelled"),
                ],
                default="placed",
                max_length=20,
            ),
        ),
    ]
