"""``workflows roles``: groups of users who may do as much as their name says."""

from typing import Any

from django.apps import apps

from django_durable.management.parser import Parser
from django_durable.management.workflows.output import Output
from django_durable.management.workflows.rows import Document
from django_durable.management.workflows.subcommand import (
    Options,
    Subcommand,
    failed,
)

APP = "django_durable"

_LOOK = {"view_workflow", "view_step", "view_worker"}
_OPERATE = {
    "view_workflow_data",
    "view_stream",
    "cancel_workflow",
    "resume_workflow",
    "send_workflow_message",
}
# None: all that there is.
PERMISSIONS: dict[str, set[str] | None] = {
    "Durable viewer": _LOOK,
    "Durable operator": _LOOK | _OPERATE,
    "Durable admin": None,
}


def _add_arguments(parser: Parser) -> None:
    parser.add_argument(
        "--create",
        action="store_true",
        help="Make the groups, and give them what they lack; nothing is taken away.",
    )


def _run(options: Options, out: Output) -> None:
    if not apps.is_installed("django.contrib.auth"):
        raise failed("There are no groups: django.contrib.auth is not installed.")
    permissions = _permissions()
    found = [
        _role(name, wanted, permissions, create=options["create"])
        for name, wanted in PERMISSIONS.items()
    ]
    if out.is_json:
        for each in found:
            out.record(each)
        return
    for each in found:
        out.line(f"{each['group']}: {_told(each)}", out.style.MIGRATE_HEADING)
        for codename in each["permissions"]:
            sign = "+" if codename in each["added"] else " "
            sign = "-" if codename in each["missing"] else sign
            out.line(f"  {sign} {codename}")


def _permissions() -> dict[str, Any]:
    """Return the permissions of this app by their codenames."""
    rows = apps.get_model("auth", "Permission")._default_manager
    found = rows.filter(content_type__app_label=APP).order_by("codename")
    permissions = {each.codename: each for each in found}
    wanted = set().union(*(each for each in PERMISSIONS.values() if each is not None))
    if missing := wanted - permissions.keys():
        raise failed(
            f"The database does not know the permissions {', '.join(sorted(missing))}:"
            " run python manage.py migrate."
        )
    return permissions


def _role(
    name: str, wanted: set[str] | None, permissions: dict[str, Any], *, create: bool
) -> Document:
    groups = apps.get_model("auth", "Group")._default_manager
    codenames = sorted(permissions if wanted is None else wanted)
    group = groups.filter(name=name).first()
    exists = group is not None
    if create:
        group = group or groups.create(name=name)
    has = set()
    if group is not None:
        mine = group.permissions.filter(content_type__app_label=APP)
        has = set(mine.values_list("codename", flat=True))
    lacks = [each for each in codenames if each not in has]
    if create and group is not None:
        group.permissions.add(*(permissions[each] for each in lacks))
    return {
        "group": name,
        "existed": exists,
        "permissions": codenames,
        "added": lacks if create else [],
        "missing": [] if create else lacks,
    }


def _told(found: Document) -> str:
    if not found["existed"]:
        return "made" if found["added"] else "does not exist (see --create)"
    if found["added"]:
        return f"{len(found['added'])} permissions added"
    if found["missing"]:
        return f"lacks {len(found['missing'])} permissions (see --create)"
    return "as it should be"


ROLES = Subcommand("roles", "Show or make groups of users.", _add_arguments, _run)
