"""Where versions run."""

from django.db import models


class EnvironmentQuerySet(models.QuerySet["Environment"]):
    """Environments by what runs there."""

    def install(self, name: str, version: str) -> str:
        """Let a version run in an environment; return the one that ran before."""
        environment, _ = self.select_for_update().get_or_create(name=name)
        previous, environment.version = environment.version, version
        environment.save(update_fields=["version"])
        return previous

    def roll_back(self, name: str, version: str, *, to: str) -> None:
        """Return to an earlier version, unless another one runs by now."""
        self.filter(name=name, version=version).update(version=to)


class Environment(models.Model):
    """A place where one version of the site runs."""

    name = models.CharField(max_length=20, primary_key=True)
    version = models.CharField(max_length=20, blank=True)

    objects = EnvironmentQuerySet.as_manager()

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return f"{self.name}: {self.version or 'nothing'}"
