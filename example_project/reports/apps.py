from django.apps import AppConfig


class ReportsConfig(AppConfig):
    """Reports that can be read while they are written."""

    name = "example_project.reports"
    default_auto_field = "django.db.models.BigAutoField"
