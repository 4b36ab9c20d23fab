"""Markup, written in one place: what is text is escaped here, and nowhere else."""

from __future__ import annotations

import re
from html import escape
from typing import Final

_NOT_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What no document may hold, not even escaped: control characters, halves of surrogate pairs."""
_TURNS: Final = re.compile("[\u202a-\u202e\u2066-\u2069]")
"""What turns the direction of the text that follows: shown as what it is, so that no name rearranges its neighbours."""
_ATTRIBUTE: Final = re.compile(r"(?!on|style$)[a-z][A-Za-z0-9-]*")


class Markup(str):
    """Text that is markup already."""

    __slots__ = ()

    def __html__(self) -> str:
        """What a template takes as it is."""
        return self


def plain(value: str) -> str:
    """Any text without what no document can hold, and what would turn its neighbours around."""
    return _TURNS.sub(lambda found: f"[U+{ord(found.group()):04X}]", _NOT_XML.sub("\ufffd", value))


def text(value: str) -> Markup:
    """Any text as markup that shows it."""
    return Markup(escape(plain(value), quote=True))


def prose(value: str) -> Markup:
    """A sentence as markup: what stands between two backticks is code.

    >>> prose("try `a < b`, or ask")
    'try <code>a &lt; b</code>, or ask'
    """
    parts = value.split("`")
    if len(parts) % 2 == 0:  # the last one has no other
        parts[-2:] = ["`".join(parts[-2:])]
    return joined(*(element("code", part) if place % 2 else text(part) for place, part in enumerate(parts)))


def element(name: str, *children: str, **attributes: str | float | None) -> Markup:
    """An element; children that are not `Markup` are text, attributes that are None are left out.

    `class_` is the attribute `class`, and an underscore in any other name a hyphen.

    >>> element("text", "a < b", x=1.25, class_="label")
    '<text x="1.25" class="label">a &lt; b</text>'

    Raises:
        ValueError: an attribute would hold style or script, which pages forbid.
    """
    written = [name]
    for key, value in attributes.items():
        attribute = key.rstrip("_").replace("_", "-")
        if not _ATTRIBUTE.fullmatch(attribute):
            raise ValueError(f"no drawing has an attribute {attribute!r}; hint: a class, and a rule in charts.css")
        if value is not None:
            written.append(f'{attribute}="{_attribute(value)}"')
    inside = "".join(child if isinstance(child, Markup) else text(child) for child in children)
    return Markup(f"<{' '.join(written)}>{inside}</{name}>" if inside else f"<{' '.join(written)}/>")


def joined(*parts: Markup) -> Markup:
    """Several pieces of markup as one."""
    return Markup("".join(parts))


def character_places(value: str) -> int:
    """How many places its characters take; wide ones take two."""
    return sum(2 if "\u1100" <= each <= "\uffdc" or each > "\U0001f000" else 1 for each in value)


def shortened(value: str, most: int) -> str:
    """The beginning of a text that is too long for its place."""
    start = value[: most + 1]
    if character_places(start) <= most:
        return start
    while len(start) > 1 and character_places(start) >= most:
        start = start[:-1]
    return start + "…"


def _attribute(value: str | float) -> str:
    if isinstance(value, str):
        return text(value)
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
