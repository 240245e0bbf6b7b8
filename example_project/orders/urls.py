from django.urls import path

from example_project.orders import views, webhooks

urlpatterns = [
    path("", views.home, name="home"),
    path("orders/", views.place_order, name="place-order"),
    path("orders/<int:order_id>/", views.show_order, name="order"),
    path(
        "orders/<int:order_id>/play/",
        views.play_outside_service,
        name="play-outside-service",
    ),
    path(
        "webhooks/fraud-check/<int:order_id>/",
        webhooks.receive_verdict,
        name="fraud-check-webhook",
    ),
    path(
        "webhooks/carrier/<int:order_id>/",
        webhooks.receive_delivery,
        name="carrier-webhook",
    ),
]
