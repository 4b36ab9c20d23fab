"""Text in SQL where no parameter can be bound: names, and strings of DDL and of SET. All quoting is here."""

from __future__ import annotations

import re

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def quote_identifier(name: str) -> str:
    """Quote a database, table or column name of ours for SQL.

    Raises:
        ValueError: the name is not a plain identifier.
    """
    if not _PLAIN.fullmatch(name):
        raise ValueError(f"{name!r} is not a plain identifier (letters, digits and underscore)")
    return f"`{name}`"


def quote_name(name: str) -> str:
    """Quote a name that the data or a client chose, whatever is in it."""
    return _quoted(name, "`")


def quote_string(text: str) -> str:
    """Quote a string where SQL takes no parameter; everywhere else values are bound."""
    return _quoted(text, "'")


def _quoted(text: str, mark: str) -> str:
    escaped = text.replace("\\", "\\\\").replace(mark, "\\" + mark).replace("\0", "\\0")
    return f"{mark}{escaped}{mark}"
