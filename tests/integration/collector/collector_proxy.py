"""A TCP proxy that fails as servers do."""

from __future__ import annotations

import contextlib
import socket
import threading
from enum import Enum


class Mode(Enum):
    """What happens to a connection."""

    PASS = "pass"
    REFUSE = "refuse"
    """It is closed at once."""
    HANG = "hang"
    """It is accepted and read, and nothing comes back; the server never sees it."""
    SWALLOW = "swallow"
    """The server sees it and does what it is asked, but its answer is lost."""


class Proxy:
    """Listens on a free port of loopback; the mode holds for whatever is read from then on."""

    def __init__(self, target: int) -> None:
        self.mode = Mode.PASS
        self._target = target
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def stop(self) -> None:
        """Take no more connections."""
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._socket.accept()
                if self.mode is Mode.REFUSE:
                    client.close()
                    continue
                server = socket.create_connection(("127.0.0.1", self._target))
                threading.Thread(target=self._pump, args=(client, server, {Mode.HANG}), daemon=True).start()
                threading.Thread(target=self._pump, args=(server, client, {Mode.SWALLOW}), daemon=True).start()

    def _pump(self, source: socket.socket, target: socket.socket, drop: set[Mode]) -> None:
        """Carry bytes one way, dropping them in some modes, until either side closes or all are refused."""
        with contextlib.suppress(OSError):
            while (data := source.recv(1 << 16)) and self.mode is not Mode.REFUSE:
                if self.mode not in drop:
                    target.sendall(data)
        for each in (source, target):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)  # wakes the other way, which then closes them too
        source.close()
