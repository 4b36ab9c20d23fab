"""A limit on guesses: an address that sends wrong tokens has to wait, before another one of its is looked at."""

from __future__ import annotations

import ipaddress
import threading
import time
from collections import OrderedDict
from typing import Final

MOST: Final = 10
"""Wrong tokens of one address within `SECONDS`."""
SECONDS: Final = 60.0
_MOST_ADDRESSES: Final = 10_000
_NETWORK_BITS: Final = 64
"""Of IPv6: who has one address of such a network has them all."""


class Guesses:
    """Wrong tokens by address, those of the last minute."""

    def __init__(self) -> None:
        self._wrong: OrderedDict[str, list[float]] = OrderedDict()
        self._lock = threading.Lock()

    def wait(self, address: str) -> float:
        """Seconds until a token of the address is looked at; 0 where it is now."""
        now = time.monotonic()
        with self._lock:
            recent = [at for at in self._wrong.get(_place(address), ()) if now - at < SECONDS]
        return SECONDS - (now - recent[-MOST]) if len(recent) >= MOST else 0.0

    def note(self, address: str) -> None:
        """Count a wrong one."""
        now, place = time.monotonic(), _place(address)
        with self._lock:
            recent = [at for at in self._wrong.pop(place, ()) if now - at < SECONDS]
            self._wrong[place] = [*recent[-MOST:], now]
            while len(self._wrong) > _MOST_ADDRESSES:
                self._wrong.popitem(last=False)


def _place(address: str) -> str:
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if found.version == 4:
        return address
    mapped = found.ipv4_mapped
    return str(mapped) if mapped else str(ipaddress.ip_network((found, _NETWORK_BITS), strict=False))
