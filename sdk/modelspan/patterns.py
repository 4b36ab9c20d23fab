"""How rules of redaction meet names, in the SDK and in the collector alike."""

from __future__ import annotations

import fnmatch
import unicodedata


def fits(name: str, pattern: str) -> bool:
    """Whether a pattern with `*` and `?` meets a name, whatever the case: `*email*` meets `Email` and `USER_EMAIL`."""
    return fnmatch.fnmatchcase(_plain(name), _plain(pattern))


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()
