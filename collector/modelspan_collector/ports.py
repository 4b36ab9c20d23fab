"""Ports to listen on."""

from __future__ import annotations

import socket


def listen(host: str, port: int) -> socket.socket:
    """A bound socket; port 0 takes a free one.

    Raises:
        OSError: the port is taken; the message says how to choose another.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
    except OSError as error:
        bound.close()
        raise OSError(
            error.errno, f"cannot listen on {host}:{port} ({error.strerror}); choose another port or 0 for a free one"
        ) from error
    return bound


def need_free(host: str, port: int) -> None:
    """Refuse a port that somebody listens on, before anything is made for who would.

    Raises:
        OSError: as `listen`.
    """
    listen(host, port).close()
