from django.apps import AppConfig


class DeploymentsConfig(AppConfig):
    """Versions of the site on their way to production, through two gates."""

    name = "example_project.deployments"
    default_auto_field = "django.db.models.BigAutoField"
