"""A customer who visits the site over HTTP."""

import json
from http.cookiejar import CookieJar
from typing import Any
from urllib.error import URLError
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, ProxyHandler, Request, build_opener


class Shopper:
    """Keeps cookies, fills in the order form and reads the answer as JSON."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._cookies = CookieJar()
        self._opener = build_opener(
            ProxyHandler({}), HTTPCookieProcessor(self._cookies)
        )

    def can_reach_site(self) -> bool:
        """Tell whether the site shows its home page."""
        try:
            with self._opener.open(f"{self.address}/", timeout=5) as response:
                return bool(response.status == 200)
        except (URLError, ConnectionError, TimeoutError):
            return False

    def place_order(self, **fields: Any) -> dict[str, Any]:
        """Send the order form and return the new order."""
        token = {cookie.name: cookie.value for cookie in self._cookies}.get("csrftoken")
        headers = {"Accept": "application/json", "X-CSRFToken": token or ""}
        request = Request(
            f"{self.address}/orders/", data=urlencode(fields).encode(), headers=headers
        )
        with self._opener.open(request, timeout=10) as response:
            answer: dict[str, Any] = json.load(response)
        return answer
