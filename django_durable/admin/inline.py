"""The workflows of an object, on the page that any ModelAdmin has for it."""

from typing import Any

from django import forms
from django.contrib.admin.checks import InlineModelAdminChecks
from django.contrib.admin.options import InlineModelAdmin
from django.http import HttpRequest
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from django_durable import conf
from django_durable.admin import stranded
from django_durable.admin.permissions import ReadOnly, may
from django_durable.models import Workflow
from django_durable.models.workflow import PAYLOADS

MOST_ROWS = 20


class SubjectFormSet(forms.BaseFormSet):
    """Stands where the admin wants a form set: it lists, and never has a form."""

    model = Workflow
    asked: Any = None  # The inline, and the request that it answers.
    new_objects: tuple[Any, ...] = ()
    changed_objects: tuple[Any, ...] = ()
    deleted_objects: tuple[Any, ...] = ()

    def __init__(self, *args: Any, instance: Any = None, **kwargs: Any) -> None:
        super().__init__(prefix=kwargs.get("prefix"))
        self.instance = instance

    @classmethod
    def get_default_prefix(cls) -> str:
        """Return what the admin tells form sets apart by."""
        return "durable_workflows"

    @cached_property
    def workflows(self) -> list[Any]:
        """The latest workflows of the object, and one more if there are more."""
        if self.instance is None or self.instance.pk is None:
            return []
        inline, request = self.asked
        mine = inline.get_queryset(request).for_subject(self.instance)
        latest = mine.defer(*PAYLOADS).order_by("-created_at")[: MOST_ROWS + 1]
        return stranded.mark(
            row for row in latest if inline.has_view_permission(request, workflow=row)
        )

    def get_queryset(self) -> list[Any]:
        """Return nothing: there are no forms."""
        return []

    def is_valid(self) -> bool:
        """Nothing can be typed in here, so nothing can be wrong."""
        return True

    def save(self, commit: bool = True) -> list[Any]:
        """Save nothing."""
        return []


class _Checks(InlineModelAdminChecks):
    """The tie is a subject, not a foreign key."""

    def _check_relation(self, obj: Any, parent_model: Any) -> list[Any]:
        return []

    def _check_exclude_of_parent_model(self, obj: Any, parent_model: Any) -> list[Any]:
        return []


class WorkflowInline(ReadOnly, InlineModelAdmin):
    """Lists the workflows that were started with this object as their subject.

    ``inlines = [WorkflowInline]`` in any ModelAdmin. It shows what the admin of
    workflows in the same site shows to the user, and changes nothing.
    """

    model = Workflow
    template = "admin/django_durable/workflow/inline.html"
    checks_class = _Checks
    verbose_name_plural = _("workflows")
    extra = 0
    max_num = 0
    can_delete = False
    fields = ()

    def get_formset(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        """Return a class whose objects list the workflows."""
        asked = {"asked": (self, request)}
        formset = type("AskedFormSet", (SubjectFormSet,), asked)
        return forms.formset_factory(forms.Form, formset=formset, extra=0)

    def get_queryset(self, request: HttpRequest) -> Any:
        """Return the workflows that exist for the user, of any object."""
        if self._owner is not None:
            return self._owner.get_queryset(request)
        return Workflow.objects.using(conf.current().database)

    def has_view_permission(
        self, request: HttpRequest, obj: Any = None, *, workflow: Any = None
    ) -> bool:
        """Tell whether the user may see workflows, or this one; ``obj`` is not one."""
        if self._owner is not None:
            return bool(self._owner.has_view_permission(request, workflow))
        return may(request, "view_workflow")

    @property
    def _owner(self) -> Any:
        """Return what the site asks about workflows, if it has them."""
        return self.admin_site._registry.get(Workflow)
