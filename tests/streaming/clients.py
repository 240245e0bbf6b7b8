"""A plain client of the protocol: no Channels, no Django."""

import json
import time
from contextlib import contextmanager, suppress
from urllib.parse import urlencode

from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

import django_durable as durable

PATIENCE = 20
PROTOCOL = "durable-stream.v1"


class Client:
    """One socket, and what came over it."""

    def __init__(self, socket):
        self.socket = socket

    def say(self, kind, **content):
        """Send a message; raw text or bytes go as they are."""
        self.socket.send(json.dumps({"t": kind, **content}))

    def hear(self, kind=None, *, timeout=PATIENCE):
        """Return the next message, which has to be of a kind."""
        message = json.loads(self.socket.recv(timeout=timeout))
        assert kind in (None, message["t"]), message
        return message

    def hear_until(self, kind):
        """Return all messages up to one of a kind."""
        heard = [self.hear()]
        while heard[-1]["t"] != kind:
            heard.append(self.hear())
        return heard

    def values(self, count, *, acks=True):
        """Return so many values, which have to come in order."""
        found = []
        while len(found) < count:
            message = self.hear()
            if message["t"] == "data":
                found.extend(entry["v"] for entry in message["entries"])
                if acks:
                    self.say("ack", next=message["entries"][-1]["o"] + 1)
            else:
                assert message["t"] in ("live", "status", "hb"), message
        return found

    def close_code(self):
        """Read on until the server closes; return its code."""
        try:
            while True:
                self.socket.recv(timeout=PATIENCE)
        except ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd else None

    def closed_with(self, *, pings=False):
        """Return what was said last, and the code; ``pings`` keep it from idling."""
        heard = []
        give_up_at = time.monotonic() + PATIENCE
        while True:
            try:
                text = self.socket.recv(timeout=0.1 if pings else PATIENCE)
                heard.append(json.loads(text))
            except TimeoutError:
                assert time.monotonic() < give_up_at
                with suppress(ConnectionClosed):
                    self.say("ping")
            except ConnectionClosed as closed:
                return heard, closed.rcvd.code if closed.rcvd else None


def url(server, path="streams", **query):
    """Return the address of a socket."""
    return f"ws://127.0.0.1:{server.port}/ws/durable/{path}/?{urlencode(query)}"


@contextmanager
def opened(server, address, **options):
    """Open a socket for a block."""
    options = {
        "origin": f"http://127.0.0.1:{server.port}",
        "subprotocols": [PROTOCOL],
        "compression": None,
        "proxy": None,
        "close_timeout": 0.1,
        **options,
    }
    with connect(address, **options) as socket:
        yield Client(socket)


@contextmanager
def watching(server, scribe, key="out", *, token=True, path="streams", **query):
    """Watch a stream for a block, with a token unless told otherwise."""
    place = {"workflow": scribe.workflow_id, "key": key}
    if path == "workflows":
        place = {"workflow": scribe.workflow_id}
        key = ""
    with opened(server, url(server, path, **place, **query)) as client:
        if token is True:
            token = durable.stream_token(scribe.workflow_id, key)
        if token:
            client.say("hello", token=token)
        yield client


def refused(server, address, **options):
    """Return the status of a handshake that is refused."""
    try:
        with opened(server, address, **options):
            return 101
    except InvalidStatus as refusal:
        return refusal.response.status_code
