from django.contrib import admin
from django.contrib.staticfiles.urls import staticfiles_urlpatterns
from django.urls import include, path

urlpatterns = [
    path("admin/", admin.site.urls),
    path("", include("example_project.orders.urls")),
    path("advice/", include("example_project.advice.urls")),
    path("climate/", include("example_project.climate.urls")),
    path("durable/", include("django_durable.streaming.urls")),
    path("deployments/", include("example_project.deployments.urls")),
    path("packing/", include("example_project.packing.urls")),
    path("purchases/", include("example_project.approvals.urls")),
    path("reports/", include("example_project.reports.urls")),
    # In development, for servers other than runserver.
    *staticfiles_urlpatterns(),
]
