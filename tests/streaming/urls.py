from django.http import JsonResponse
from django.urls import include, path

from django_durable.streaming.hub import hub_of_loop
from django_durable.streaming.limits import watchers


async def counts(request):
    """Tell what the hub of this server has cost so far."""
    return JsonResponse({"queries": hub_of_loop().queries, "watchers": watchers.count})


urlpatterns = [
    path("durable/", include("django_durable.streaming.urls")),
    path("counts/", counts),
]
