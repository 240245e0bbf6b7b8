"""The settings and the code: Django's own checks of this app."""

from collections.abc import Iterator

from django.core import checks

from django_durable.checks import TAG
from django_durable.management.diagnosis.finding import Finding


def look_at_settings(using: str) -> Iterator[Finding]:
    """Yield what the system checks say, those of a deployment included."""
    found = checks.run_checks(tags=[TAG], include_deployment_checks=True)
    told = [
        message
        for message in found
        if message.level >= checks.WARNING and not message.is_silenced()
    ]
    for message in told:
        yield Finding(
            "problem" if message.level >= checks.ERROR else "warning",
            "settings",
            f"{message.msg} ({message.id})",
            message.hint or "",
        )
    if not told:
        yield Finding("ok", "settings", "The system checks find nothing.")
