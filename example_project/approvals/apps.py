from django.apps import AppConfig


class ApprovalsConfig(AppConfig):
    """Purchases that need a yes within a day."""

    name = "example_project.approvals"
    default_auto_field = "django.db.models.BigAutoField"
