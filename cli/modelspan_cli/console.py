"""The terminal, as every command writes to it."""

from __future__ import annotations

import sys

from rich.console import Console
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
    """A table without lines, whose cells are folded where they are too long, and never cut off."""
    return Table(*(Column(name, overflow="fold") for name in columns), box=None, pad_edge=False)
