"""Who does what is written down."""

from __future__ import annotations

import getpass
from typing import Final

ANALYZER: Final = "analyzer"
"""Does what nobody asked for, such as learning a baseline."""


def user() -> str:
    """The operating system's user, or `unknown`."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"
