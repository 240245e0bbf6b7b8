"""Staff with permissions, and workflows to look at."""

import pytest
from django.contrib.auth.models import Permission, User

from django_durable.testing import virtual_time
from tests.admin.schedules import utc
from tests.command_line import cli

__all__ = ["cli"]


@pytest.fixture
def operator(client):
    """Log a user of the staff in; return how to give permissions."""
    user = User.objects.create_user("ana", password="secret", is_staff=True)
    client.force_login(user)

    def allow(*codenames):
        found = Permission.objects.filter(codename__in=codenames)
        assert found.count() == len(codenames)
        user.user_permissions.add(*found)

    return allow


@pytest.fixture
def root(client):
    """Log somebody in who may do everything."""
    user = User.objects.create_superuser("root")
    client.force_login(user)
    return user


@pytest.fixture
def noon():
    """Let it be noon in UTC on a Friday."""
    with virtual_time(utc("2026-11-27 12:00")) as time:
        yield time
