"""Addresses as settings name them: `http://localhost:9093`."""

from __future__ import annotations

from string import ascii_letters, digits
from typing import Annotated, Final
from urllib.parse import urlsplit

from pydantic import AfterValidator

_OF_HOSTS: Final = frozenset(f"{ascii_letters}{digits}.-:")


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
        said = f"{_shown(given)} is no address"
        raise ValueError(f"{said}; write http:// or https:// before a host, as http://localhost:9093")
    return given


def _shown(given: str) -> str:
    """The host of what is no address, if anything of it can be shown: the rest may be a password or a secret path."""
    before, there, rest = given.rpartition("@")
    host = rest.rpartition("://")[2].partition("/")[0]
    told = not there or "://" in before
    return repr(host) if told and host and host.isascii() and set(host) <= _OF_HOSTS else "this"


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
