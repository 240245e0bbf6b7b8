from django.urls import path

from example_project.reports import views

urlpatterns = [
    path("", views.list_reports, name="reports"),
    path("start/", views.start_report, name="start-report"),
    path("<str:workflow_id>/", views.read_report, name="report"),
]
