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
        rows = Workflow.objects.using(conf.current().database)
        mine = rows.for_subject(self.instance).defer(*PAYLOADS)
        return stranded.mark(mine.order_by("-created_at")[: MOST_ROWS + 1])

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

    ``inlines = [WorkflowInline]`` in any ModelAdmin. It needs the permission
    ``view_workflow``, and changes nothing.
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
        return forms.formset_factory(forms.Form, formset=SubjectFormSet, extra=0)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Tell whether the user may see workflows."""
        return may(request, "view_workflow")
