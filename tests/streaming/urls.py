from django.urls import include, path

urlpatterns = [path("durable/", include("django_durable.streaming.urls"))]
