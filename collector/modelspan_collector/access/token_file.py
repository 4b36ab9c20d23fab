"""Files of tokens that can be changed while they are in use: one line a token, with options, and never the token kept.

A line is `token [name=value …]`; `#` begins a comment. `sha256:<hex>` may stand in place of a token, so that the file
holds no secret. What the options mean is said by whoever reads the file.
"""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Generic, TypeVar

_CHECK_SECONDS = 1.0
_HASHED = "sha256:"
_LOGGER = logging.getLogger(__name__)
T = TypeVar("T")
MadeOf = Callable[[str, dict[str, str]], T]
"""Makes what a token stands for of its text and options, and takes out the options that it knows."""


class TokenFileError(ValueError):
    """The file of tokens cannot be used; the message says which line and why."""


def digest(token: str) -> bytes:
    """What is kept of a token, and looked up: the time of a look-up by it says nothing of the tokens that exist."""
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()


def parse_lines(text: str, made_of: MadeOf[T], known: str) -> dict[bytes, T]:
    """Read a file of tokens, by the SHA-256 of each token.

    Args:
        text: of the file.
        made_of: makes one line's value; raises ValueError where an option cannot be.
        known: the options that there are, for the message.

    Raises:
        TokenFileError: a line is not understood.
    """
    found = {}
    for number, line in enumerate(text.splitlines(), 1):
        words = line.split("#", 1)[0].split()
        if not words:
            continue
        try:
            token, options = words[0], _options(words[1:])
            key = bytes.fromhex(token.removeprefix(_HASHED)) if token.startswith(_HASHED) else digest(token)
            found[key] = made_of(token, options)
        except ValueError as error:
            raise TokenFileError(f"line {number}: {error}") from error
        if options:
            raise TokenFileError(f"line {number}: {sorted(options)} not known; use {known}")
    return found


def _options(words: Sequence[str]) -> dict[str, str]:
    """`name=value` by name; of one that is there twice nobody knows which is meant."""
    given = [word.split("=", 1) for word in words]
    options = dict(given)
    if len(options) < len(given):
        raise ValueError(f"an option is there twice: {' '.join(words)}")
    return options


def is_hashed(token: str) -> bool:
    """Whether a line holds a token's digest instead of the token."""
    return token.startswith(_HASHED)


def expiry(options: dict[str, str]) -> float:
    """Takes `expires=2027-01-31` out: seconds since 1970, or infinity."""
    date = options.pop("expires", None)
    if date is None:
        return float("inf")
    moment = datetime.fromisoformat(date)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


class TokenFile(Generic[T]):
    """A file of tokens, read again when it changes; what was good stays good while it is being rewritten."""

    def __init__(self, path: Path, parse: Callable[[str], dict[bytes, T]]) -> None:
        """Read the file.

        Raises:
            TokenFileError: a line is not understood.
            OSError: it cannot be read.
        """
        self._path = path
        self._parse = parse
        self._lock = threading.Lock()
        self._read_at = 0.0
        self._stamp: tuple[int, int] | None = None
        self._found: dict[bytes, T] = {}
        self._reload()

    def all(self) -> Mapping[bytes, T]:
        """What every token stands for, by its digest, by the file as it is now."""
        with self._lock:
            if time.monotonic() - self._read_at >= _CHECK_SECONDS:
                try:
                    self._reload()
                except (OSError, TokenFileError) as error:
                    _LOGGER.warning("the file of tokens cannot be used, those known so far stay: %s", error)
                    self._read_at = time.monotonic()
            return self._found

    def _reload(self) -> None:
        status = self._path.stat()
        stamp = (status.st_mtime_ns, status.st_size)
        if stamp != self._stamp:
            self._found = self._parse(self._path.read_text())
            self._stamp = stamp
        self._read_at = time.monotonic()
