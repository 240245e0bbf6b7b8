from django.apps import AppConfig


class OrdersConfig(AppConfig):
    """Orders, how they are fulfilled, and the pages that show it."""

    name = "example_project.orders"
    default_auto_field = "django.db.models.BigAutoField"
