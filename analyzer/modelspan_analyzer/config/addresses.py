"""Addresses as settings name them: `http://localhost:9093`."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator


def check_address(given: str) -> str:
    """The address, or '' for none.

    Raises:
        ValueError: it does not begin with http or https and a host.
    """
    try:
        parts = urlsplit(given)
        right = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # of a port that is no number
        right = False
    if given and not right:
        host = given.rpartition("@")[2].rpartition("//")[2] or "localhost:9093"
        raise ValueError(f"{host!r} is no address; write http:// or https:// before a host, as http://localhost:9093")
    return given


def check_base(given: str) -> str:
    """An address to which paths are added.

    Raises:
        ValueError: it is none, or goes on after `#` or `?`, as a browser shows it.
    """
    if set("#?") & set(check_address(given)):
        base = given.split("#")[0].split("?")[0]
        raise ValueError(f"paths are added to this address, so it ends before `#` and `?`: {base.rpartition('@')[2]}")
    return given


Address = Annotated[str, AfterValidator(check_address)]
Base = Annotated[str, AfterValidator(check_base)]
