"""The terminal, as every command writes to it."""

from __future__ import annotations

import sys
from typing import Any

from rich.console import Console, RenderableType
from rich.table import Column, Table

PLAIN_WIDTH = 140
"""Columns where the output goes to a file or a pipe, which have no width of their own."""


def console(*, stderr: bool = False, markup: bool = False) -> Console:
    """A console that keeps tables readable in a log as well, and prints data as it is.

    Args:
        stderr: write there.
        markup: read `[bold]` as markup; only where every text is our own, as `[null]` of data would be lost.
    """
    stream = sys.stderr if stderr else sys.stdout
    return Console(
        stderr=stderr, highlight=False, markup=markup, emoji=False, width=None if stream.isatty() else PLAIN_WIDTH
    )


def plain_table(*columns: str) -> Table:
    """A table without lines, whose cells are folded where they are too long for the width.

    One that would push all others out of sight is shortened in its middle, and what is no character to be seen, as line
    ends and a terminal's own commands, is spelt out: names come from whoever sends them. `--json` has all as it is.
    """
    return _Plain(*(Column(name, overflow="fold") for name in columns), box=None, pad_edge=False)


LONGEST_CELL = 1000
"""Characters of a cell that are shown, some twenty lines of a narrow column."""


class _Plain(Table):
    """Shows what others named, whatever they named it."""

    def add_row(self, *cells: RenderableType | None, **options: Any) -> None:
        super().add_row(*(_seen(cell) if isinstance(cell, str) else cell for cell in cells), **options)


def _seen(text: str) -> str:
    half = LONGEST_CELL // 2
    short = text if len(text) <= LONGEST_CELL else f"{text[:half]}…{text[-half:]}"
    if short.isprintable():
        return short
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in short)
