"""Documents as Markdown, short enough for a comment under a change: no picture, and no name that becomes markup."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from modelspan_analyzer.charts.scale import moment, number, percent
from modelspan_analyzer.charts.svg import plain, shortened
from modelspan_analyzer.documents.document import Cell, Document, Mini, Name, Section, Share, State, Table

MOST_ROWS: Final = 25
"""Rows of a table; the rest is counted."""
_LONGEST: Final = 120
_BLOCKS: Final = "▁▂▃▄▅▆▇█"
_SIGNS: Final = {"alarm": "🔴", "error": "🔴", "warning": "🟡", "ok": "🟢", "passed": "🟢"}
_SPECIAL: Final = re.compile(r"([\\`*_\[\]<>#|~$&])")


def markdown(document: Document) -> str:
    """The parts of a document that belong into a summary."""
    parts = [f"## {_words(document.title)}", f"{_shown(document.state)} — {_words(document.sentence)}"]
    if document.facts:
        parts.append("\n".join(f"- {_words(name)}: {_shown(value)}" for name, value in document.facts))
    parts += [_section(section) for section in document.sections if section.brief]
    return "\n\n".join(parts) + "\n"


def _section(section: Section) -> str:
    parts = [f"### {_words(section.title)}"]
    for part in section.parts:
        if isinstance(part, Table):
            parts.append(_table(part))
        elif isinstance(part, str):
            parts.append(_words(part))
        else:  # the numbers of a drawing stand in the table beside it
            parts.append(_words(part.sentence))
    return "\n\n".join(parts)


def _table(table: Table) -> str:
    if not table.rows:
        return _words(table.empty)
    lines = [_line([_words(name) for name in table.columns]), _line(["---"] * len(table.columns))]
    lines += [_line([_shown(cell) for cell in row]) for row in table.rows[:MOST_ROWS]]
    if (more := len(table.rows) - MOST_ROWS) > 0:
        lines.append(f"\n… and {more:,} more rows")
    return "\n".join(lines)


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _shown(cell: Cell) -> str:
    if isinstance(cell, Mini):
        return f"{_blocks(cell.before)} → {_blocks(cell.now)}"
    if isinstance(cell, State):
        return f"{_SIGNS.get(cell.verdict, '⚪')} {_words(cell.words)}"
    if isinstance(cell, datetime):
        return moment(cell)
    if isinstance(cell, Share):
        return percent(cell)
    if isinstance(cell, Name):
        return _code(cell)
    return _words(cell) if isinstance(cell, str) else number(cell)


def _words(value: str) -> str:
    """Text in which nothing is markup, nor calls anybody."""
    line = " ".join(plain(shortened(value, 3 * _LONGEST)).split())
    return _SPECIAL.sub(r"\\\1", line).replace("@", "@\u200b").replace("://", ":\u200b//")


def _code(value: str) -> str:
    """Text as code, between more backticks than it holds."""
    line = " ".join(plain(shortened(value, _LONGEST)).split()).replace("|", "\\|") or " "
    fence = "`" * (max((len(run) for run in re.findall("`+", line)), default=0) + 1)
    space = " " if "`" in line else ""
    return f"{fence}{space}{line}{space}{fence}"


def _blocks(shares: Sequence[float]) -> str:
    most = max(shares, default=0.0) or 1.0
    return "".join(_BLOCKS[min(int(share / most * len(_BLOCKS)), len(_BLOCKS) - 1)] for share in shares)
