"""Which pages may use the cookies of this site: its own, by scheme, host and port.

The question that Django's CSRF protection asks of a form: an origin is good when
it is the address that the request came to, as proxies are believed to tell it, or
stands in ``CSRF_TRUSTED_ORIGINS``.
"""

from collections.abc import Awaitable, Callable, MutableMapping
from io import BytesIO
from typing import Any

from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest
from django.utils.http import is_same_domain

Application = Callable[[Any, Any, Any], Awaitable[None]]
_SCHEMES = {"ws": "http", "wss": "https"}
# What browsers say of requests that another page makes.
_FOREIGN_SITES = ("same-site", "cross-site")


class OriginValidator:
    """An ASGI application of sockets that only pages of this site reach.

    Others are refused in the handshake, with 403.
    """

    def __init__(self, sockets: Application) -> None:
        self._sockets = sockets

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve the socket, or refuse it."""
        if has_good_origin(_request_of(scope)):
            await self._sockets(scope, receive, send)
            return
        await receive()
        await send({"type": "websocket.close"})


def has_good_origin(request: HttpRequest) -> bool:
    """Tell whether a request names an origin, and a good one."""
    origin = request.headers.get("Origin")
    if origin is None:
        return False
    try:
        own = f"{request.scheme}://{request.get_host()}"
    except DisallowedHost:
        own = None
    return origin == own or _is_trusted(origin)


def comes_from_elsewhere(request: HttpRequest) -> bool:
    """Tell whether a page of another origin makes a request.

    Without CORS it could not read the answer, but hold it open. A person who
    follows a link does not count.
    """
    if "Origin" in request.headers:
        return not has_good_origin(request)
    is_visit = request.headers.get("Sec-Fetch-Mode") == "navigate"
    return not is_visit and request.headers.get("Sec-Fetch-Site") in _FOREIGN_SITES


def _is_trusted(origin: str) -> bool:
    scheme, _, host = origin.partition("://")
    for trusted in settings.CSRF_TRUSTED_ORIGINS:
        trusted_scheme, _, pattern = trusted.partition("://")
        is_same = is_same_domain(host, pattern.lstrip("*"))
        if scheme == trusted_scheme and is_same:
            return True
    return False


def _request_of(scope: MutableMapping[str, Any]) -> ASGIRequest:
    """Return a handshake as the request that it was, for what Django knows of it."""
    scheme = _SCHEMES.get(scope.get("scheme", ""))
    if scheme is None:
        # Daphne does not tell: unless a proxy does, it is what the page says.
        origins = (value for name, value in scope["headers"] if name == b"origin")
        is_secure = any(origin.startswith(b"https://") for origin in origins)
        scheme = "https" if is_secure else "http"
    return ASGIRequest({**scope, "method": "GET", "scheme": scheme}, BytesIO())
