"""Users with sessions and permissions."""

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.test import Client


def user_with(*codenames, name="ana", **flags):
    """Return a new user who has some permissions of django_durable."""
    user = get_user_model().objects.create_user(name, **flags)
    allow(user, *codenames)
    return user


def allow(user, *codenames):
    """Give a user these permissions of django_durable, and no others."""
    user.user_permissions.set(
        Permission.objects.filter(
            content_type__app_label="django_durable", codename__in=codenames
        )
    )


def session_of(user):
    """Log a user in; return the key of the session."""
    client = Client()
    client.force_login(user)
    return client.cookies["sessionid"].value


def cookie_of(session_key):
    """Return the header that brings a session."""
    return {"additional_headers": {"Cookie": f"a=b; sessionid={session_key}"}}
