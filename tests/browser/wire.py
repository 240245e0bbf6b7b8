"""A wire to a server, which can be cut."""

import socket
import threading
from contextlib import suppress

CHUNK = 1 << 16


class Wire:
    """Passes on what comes to a port of its own."""

    def __init__(self, port):
        self._behind = ("127.0.0.1", port)
        self._links = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._listen, daemon=True).start()

    def cut(self):
        """End every connection, and return how many there were."""
        links, self._links = self._links, []
        for end in links:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        return len(links) // 2

    def close(self):
        """Let nobody through any more."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()

    def _listen(self):
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                far = socket.create_connection(self._behind)
                self._links += [near, far]
                for ends in [(near, far), (far, near)]:
                    threading.Thread(target=_pump, args=ends, daemon=True).start()


def _pump(source, target):
    with source, suppress(OSError):
        while data := source.recv(CHUNK):
            target.sendall(data)
        target.shutdown(socket.SHUT_RDWR)
