"""A page with the component, and a socket whose other end is the test."""

import json
from pathlib import Path

from django.contrib.staticfiles import finders

from tests.journeys.processes import wait_until

ORIGIN = "http://scripted.test"
# What the component must live with.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self' ws:;"
    " require-trusted-types-for 'script'"
)
HEAD = (
    "<!doctype html><link rel=stylesheet href=/stream.css>"
    "<script type=module src=/stream.js></script>"
)
ELEMENT = '<durable-stream workflow="w/1" key="a b"{}>{}</durable-stream>'
WELCOME = {"t": "welcome", "heartbeat": 25, "window": 262144, "earliest": 0}


class Server:
    """What a page talks to; each test begins with ``reset()``."""

    def __init__(self, page):
        self.page = page
        self.reset()
        page.route(f"{ORIGIN}/**", self._answer)
        page.route_web_socket(f"{ORIGIN.replace('http', 'ws')}/**", self._accept)

    def reset(self):
        """Leave the page, and forget what has happened."""
        self.page.goto("about:blank")
        self.sockets, self.asked, self.said = [], [], []
        # Answers for the addresses of HTTP: (status, headers, body).
        self.answers = {}

    def show(self, body, *, head=HEAD):
        """Load a page with this in its body."""
        page = f"{head}<body>{body}"
        self.answers["/"] = (200, {"Content-Security-Policy": POLICY}, page)
        self.page.goto(f"{ORIGIN}/")

    def socket(self, number=1):
        """Wait for the socket of a number, from 1 on."""
        self.wait_until(lambda: len(self.sockets) >= number, f"socket {number}")
        return Socket(self, self.sockets[number - 1], number)

    def heard(self, kind):
        """Wait for a message of a kind, and return the first one."""
        return self.wait_until(
            lambda: next((said for said in self.said if said["t"] == kind), None), kind
        )

    def wait_until(self, condition, what=""):
        """Wait for something that is heard of only while the browser is asked."""

        def ask():
            self.page.evaluate("0")
            return condition()

        return wait_until(ask, what)

    def _accept(self, socket):
        self.asked.append(socket.url)
        socket.on_message(lambda text: self.said.append(json.loads(text)))
        self.sockets.append(socket)

    def _answer(self, route):
        path = route.request.url.removeprefix(ORIGIN).partition("?")[0]
        if path.startswith("/stream."):
            found = finders.find(f"django_durable{path}")
            route.fulfill(path=Path(found))
            return
        self.asked.append(route.request.url)
        status, headers, body = self.answers.get(path, (404, {}, ""))
        if callable(body):
            body = body(route.request)
        kind = {"Content-Type": "text/html; charset=utf-8"}
        if path.endswith(".css"):
            kind = {"Content-Type": "text/css"}
        route.fulfill(status=status, headers={**kind, **headers}, body=body)


class Socket:
    """The server's end of one connection."""

    def __init__(self, server, socket, number):
        self._thread = server.page._thread
        self._socket = socket
        self.url = server.asked[number - 1] if number <= len(server.asked) else ""

    def say(self, *messages):
        """Send messages."""
        for message in messages:
            text = message if isinstance(message, str) else json.dumps(message)
            self._thread.submit(self._socket.send, text).result()

    def welcome(self, **changes):
        """Let the client in."""
        self.say({**WELCOME, "next": 0, "status": "PENDING", **changes})

    def write(self, *values, start=0, **writer):
        """Send entries."""
        writer = {"at": "2026-11-26T12:00:00+00:00", "step": 1, "attempt": 1, **writer}
        entries = [{"o": start + n, "v": v, **writer} for n, v in enumerate(values)]
        self.say({"t": "data", "from": start, "entries": entries, "more": False})

    def close(self, code=1012):
        """Close, with a code."""
        self._thread.submit(self._socket.close, code=code, reason="").result()


def text(page):
    """Return what is shown."""
    return page.text_content(".durable-output")


def sees(page, expected):
    """Wait until exactly this is shown."""
    wait_until(lambda: text(page) == expected, f"{expected!r}, not {text(page)!r}")
    return True


def state(page):
    """Return what the element says of its connection."""
    return page.get_attribute("durable-stream", "state")


def record(page):
    """Let the page remember the events of its element; return how to read them."""
    page.evaluate(
        """() => {
          window.told = [];
          const names = ["open", "entry", "batch", "live", "status", "step", "event",
            "end", "gap", "error", "token"];
          for (const name of names)
            document.addEventListener(`durable:${name}`, ({ detail }) =>
              window.told.push([name, detail]));
        }"""
    )
    return lambda: page.evaluate("window.told")
