"""Who does what is written down, and what they say with it."""

from __future__ import annotations

import getpass
from typing import Final

ANALYZER: Final = "analyzer"
"""Does what nobody asked for, such as learning a baseline."""
MOST_CHARACTERS: Final = 1000
"""Of what people say with a step or a decision."""


def user() -> str:
    """The operating system's user, or `unknown`."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


def printable(text: str) -> str:
    """A text on one line, without signs that nobody sees and that end or turn a line where it is shown.

    >>> printable("rolled\\nback\\x00 \\u202eit")
    'rolled back it'
    """
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
