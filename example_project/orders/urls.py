from django.urls import path

from example_project.orders import views

urlpatterns = [
    path("", views.home, name="home"),
    path("orders/", views.place_order, name="place-order"),
    path("orders/<int:order_id>/", views.show_order, name="order"),
]
