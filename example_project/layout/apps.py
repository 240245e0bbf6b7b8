from django.apps import AppConfig


class LayoutConfig(AppConfig):
    """What every page of the site has around it."""

    name = "example_project.layout"
    default_auto_field = "django.db.models.BigAutoField"
