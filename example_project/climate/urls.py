from django.urls import path

from example_project.climate import views, webhooks

urlpatterns = [
    path("", views.list_rooms, name="rooms"),
    path("watch/", views.start_watching, name="watch-room"),
    path("rooms/<slug:room>/", views.show_room, name="room"),
    path("rooms/<slug:room>/report/", views.report, name="report-climate"),
    path(
        "rooms/<slug:room>/messages/",
        webhooks.receive_message,
        name="sensors-webhook",
    ),
]
