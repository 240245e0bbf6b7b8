"""Staff with permissions, and workflows to look at."""

import pytest
from django.contrib.auth.models import Permission, User

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
