from django.urls import path, re_path

from example_project.deployments import views

VERSION = r"^(?P<version>[0-9.]{1,20})/"

urlpatterns = [
    path("", views.list_deployments, name="deployments"),
    path("start/", views.start_deployment, name="start-deployment"),
    re_path(VERSION + "$", views.show_deployment, name="deployment"),
    re_path(VERSION + "answer/$", views.answer_gate, name="answer-gate"),
]
