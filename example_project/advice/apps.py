from django.apps import AppConfig


class AdviceConfig(AppConfig):
    """Questions about tea, answered word by word."""

    name = "example_project.advice"
    default_auto_field = "django.db.models.BigAutoField"
