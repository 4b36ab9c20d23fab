"""What a document is made of, whatever form it is handed out in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from modelspan_analyzer.charts import Figure

STATES: Final = {
    "ok": "OK",
    "passed": "Passed",
    "warning": "Warning",
    "alarm": "Alarm",
    "not_checked": "Not checked",
    "not_compared": "Not compared",
    "not_enough_data": "Not enough data",
    "skipped": "Skipped",
    "error": "Error",
}
"""Verdicts, and statuses, in words."""


class Name(str):
    """Text that is somebody's data, such as the name of a feature: shown as it is, and never read as words of ours."""

    __slots__ = ()


class Share(float):
    """A number from 0 to 1 that is shown in per cent."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class State:
    """A verdict, as a word with its colour."""

    verdict: str
    said: str = ""
    """In words of its own; those of the verdict where there are none."""

    @property
    def words(self) -> str:
        """In words."""
        return self.said or STATES.get(self.verdict, self.verdict)


@dataclass(frozen=True, slots=True)
class Mini:
    """Two distributions, small enough for a cell."""

    before: Sequence[float]
    now: Sequence[float]
    title: str


Cell = str | float | datetime | State | Mini | None


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of cells under a heading."""

    columns: tuple[str, ...]
    rows: Sequence[Sequence[Cell]]
    empty: str = "There is nothing to list."
    """What is said where there is no row."""


@dataclass(frozen=True, slots=True)
class Drawing:
    """A figure with a sentence of what it shows; several in a row stand side by side where there is room."""

    figure: Figure
    sentence: str


Part = str | Table | Drawing
"""A paragraph, a table, or a drawing."""


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a document with a heading of its own."""

    title: str
    parts: Sequence[Part]
    brief: bool = False
    """Belongs into a summary too, such as a comment under a change."""


@dataclass(frozen=True, slots=True)
class Document:
    """A whole document: what it comes to in a sentence first, then what that rests on."""

    title: str
    state: State
    sentence: str
    sections: Sequence[Section]
    facts: Sequence[tuple[str, Cell]] = ()
    """What it is about and how it was made, as pairs of a name and a value."""
    one_page: bool = False
    """Made to fit one page of paper."""
