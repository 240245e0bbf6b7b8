from django.urls import path

from example_project.packing import views

urlpatterns = [
    path("", views.list_packings, name="packing"),
    path("start/", views.start_packing, name="start-packing"),
    path("<uuid:workflow_id>/", views.show_packing, name="packing-progress"),
]
