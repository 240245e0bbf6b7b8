from django.urls import path

from example_project.advice import views

urlpatterns = [
    path("", views.list_conversations, name="conversations"),
    path("ask/", views.ask, name="begin-conversation"),
    path("<uuid:conversation>/", views.show_conversation, name="conversation"),
    path("<uuid:conversation>/ask/", views.ask, name="ask"),
    path("<uuid:conversation>/stop/", views.stop, name="stop-answer"),
    path(
        "<uuid:conversation>/<int:question_id>/token/",
        views.give_token,
        name="answer-token",
    ),
]
