"""The HTTP twin of the sockets, to be included where a project wants it."""

from django.urls import path

from django_durable.streaming import views

app_name = "django_durable_streaming"
urlpatterns = [
    path("streams/", views.stream, name="streams"),
    path("streams/value/", views.value, name="value"),
    path("workflows/", views.feed, name="workflows"),
]
