"""Who does what is written down, and what they say with it."""

from __future__ import annotations

import getpass
from typing import Final

ANALYZER: Final = "analyzer"
"""Does what nobody asked for, such as learning a baseline."""
MOST_CHARACTERS: Final = 1000
"""Of what people say with a step or a decision."""
LONGEST_NAME: Final = 200


def user() -> str:
    """The operating system's user, or `unknown`."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


def named(actor: str) -> str:
    """Who does something, as it is written down; the operating system's user where nobody is named.

    Raises:
        ValueError: it is longer than a name.
    """
    if len(who := printable(actor)) > LONGEST_NAME:
        raise ValueError(f"who does it is {len(who):,} characters: a name has at most {LONGEST_NAME}")
    return who or user()


def said(text: str) -> str:
    """What somebody says with something, as it is written down: all of it.

    Raises:
        ValueError: it is too long to be kept, and part of it would be another word.
    """
    if len(kept := printable(text)) > MOST_CHARACTERS:
        raise ValueError(f"that is {len(kept):,} characters: say it in {MOST_CHARACTERS:,}, and link to what is longer")
    return kept


def printable(text: str) -> str:
    """A text on one line, without signs that nobody sees and that end or turn a line where it is shown.

    >>> printable("rolled\\nback\\x00 \\u202eit")
    'rolled back it'
    """
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
