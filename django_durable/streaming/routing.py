"""Where the sockets are: the one file that a project's routing needs."""

from typing import Any

from channels.routing import ProtocolTypeRouter, URLRouter
from django.urls import path

from django_durable.streaming.consumers import FeedConsumer, StreamConsumer
from django_durable.streaming.origins import OriginValidator

websocket_urlpatterns = [
    path("ws/durable/streams/", StreamConsumer()),  # type: ignore[arg-type]
    path("ws/durable/workflows/", FeedConsumer()),  # type: ignore[arg-type]
]


def with_streams(http: Any) -> Any:
    """Return an ASGI application with the sockets beside an HTTP one.

    Only pages of this site may open them.
    """
    sockets = OriginValidator(_Sockets())
    return ProtocolTypeRouter({"http": http, "websocket": sockets})


class _Sockets:
    """The sockets; any other path is refused without a traceback."""

    def __init__(self) -> None:
        self._router = URLRouter(websocket_urlpatterns)  # type: ignore[arg-type]

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            await self._router(scope, receive, send)
        except ValueError as error:
            if not str(error).startswith("No route found"):
                raise
            await receive()
            await send({"type": "websocket.close", "code": 4404})
