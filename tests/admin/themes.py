"""Admin sites under themes, for the test of what they make of our pages."""

from django.contrib.auth.models import User
from django.urls import path
from unfold.admin import ModelAdmin
from unfold.sites import UnfoldAdminSite

from django_durable.admin import DurableWorkerAdmin, DurableWorkflowAdmin
from django_durable.admin.registration import with_base
from django_durable.models import Worker, Workflow

unfolded = UnfoldAdminSite(name="admin")
unfolded.register(Workflow, with_base(DurableWorkflowAdmin, "unfold.admin.ModelAdmin"))
unfolded.register(Worker, with_base(DurableWorkerAdmin, "unfold.admin.ModelAdmin"))
unfolded.register(User, ModelAdmin)

urlpatterns = [path("admin/", unfolded.urls)]
