from django.apps import AppConfig


class ClimateConfig(AppConfig):
    """Rooms that are watched, one message after another."""

    name = "example_project.climate"
    default_auto_field = "django.db.models.BigAutoField"
