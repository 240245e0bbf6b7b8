from django.apps import AppConfig


class TestsConfig(AppConfig):
    """The models that the tests' own workflows write to."""

    name = "tests"
    default_auto_field = "django.db.models.BigAutoField"
