from django.apps import AppConfig


class PackingConfig(AppConfig):
    """A coordinator that hands parcels to packers."""

    name = "example_project.packing"
    default_auto_field = "django.db.models.BigAutoField"
