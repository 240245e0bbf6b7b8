from django.apps import AppConfig


class SeedConfig(AppConfig):
    """Data to look at, made by the workflows themselves."""

    name = "example_project.seed"
