"""No page: the processes of the journeys are workers."""

urlpatterns: list[object] = []
