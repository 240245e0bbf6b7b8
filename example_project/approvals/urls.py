from django.urls import path

from example_project.approvals import views

urlpatterns = [
    path("", views.list_purchases, name="purchases"),
    path("ask/", views.ask_for_purchase, name="ask-for-purchase"),
    path("<int:purchase_id>/", views.show_purchase, name="purchase"),
    path("<int:purchase_id>/decide/", views.decide, name="decide"),
]
