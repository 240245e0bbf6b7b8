"""A plain client of the event streams."""

import http.client
import json

import django_durable as durable
from tests.streaming.clients import PATIENCE

STREAMS = "/durable/streams/"
WORKFLOWS = "/durable/workflows/"


class Events:
    """A plain reader of an event stream."""

    def __init__(self, server, scribe, key="out", *, token=True, headers=None, **query):
        if token is True:
            token = durable.stream_token(scribe.workflow_id, key)
        address = f"{STREAMS}?workflow={scribe.workflow_id}&key={key}&live=sse"
        if not key:
            address = f"{WORKFLOWS}?workflow={scribe.workflow_id}&live=sse"
        address += "".join(f"&{name}={value}" for name, value in query.items())
        self._connection = http.client.HTTPConnection(
            "127.0.0.1", server.port, timeout=PATIENCE
        )
        bearer = {"Authorization": f"Bearer {token}"} if token else {}
        self._connection.request("GET", address, headers={**bearer, **(headers or {})})
        self.answer = self._connection.getresponse()

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self._connection.close()

    def next(self):
        """Return id and message of the next event, None at the end."""
        last, message = None, None
        while line := self.answer.readline():
            name, _, text = line.decode().rstrip("\n").partition(": ")
            if name == "id":
                last = int(text) if text.isdecimal() else text
            elif name == "data":
                message = json.loads(text)
            elif not line.strip() and message is not None:
                return last, message
        return None

    def until(self, kind):
        while found := self.next():
            if found[1]["t"] == kind:
                return found
        raise AssertionError(f"no {kind} came")

    def rest(self):
        found = []
        while event := self.next():
            found.append(event)
        return found
