"""Documents as PDF: typeset by Typst, whose compiler comes as a package (extra `pdf`), from data and the same drawings.

What somebody's data say goes to the typesetter as JSON and as SVG, and never as a part of its program.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Sequence
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from modelspan_analyzer.charts import Markup, mini_pair
from modelspan_analyzer.charts.scale import moment, number, percent
from modelspan_analyzer.charts.svg import plain, shortened
from modelspan_analyzer.documents import Cell, Document, Drawing, Mini, Part, Share, State, Table
from modelspan_analyzer.reports.paper import paper_rules

_LONGEST: Final = 300
_SHORT: Final = 16
"""Characters of a column that is as wide as it needs."""
_WORD: Final = re.compile(r"\S{24}(?=\S)")
"""The beginning of a word that is too long for a line: it may be broken after it."""


class MissingPackageError(RuntimeError):
    """A package that makes this kind of file is not installed; the message says how to install it."""


def pdf(document: Document) -> bytes:
    """The bytes of a PDF.

    Raises:
        MissingPackageError: the package `typst` is not installed.
    """
    try:
        import typst
    except ModuleNotFoundError as error:
        raise MissingPackageError("a PDF needs the package 'typst': pip install 'modelspan[pdf]'") from error
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        told = _Folder(folder).document(document)
        (folder / "data.json").write_text(json.dumps(told), encoding="utf-8")
        program = files(__package__).joinpath("report.typ").read_text(encoding="utf-8")
        (folder / "report.typ").write_text(program, encoding="utf-8")
        return bytes(typst.compile(str(folder / "report.typ"), root=name))


class _Folder:
    """What the typesetter is given: data, and files of drawings."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._drawn = 0

    def document(self, document: Document) -> dict[str, Any]:
        return {
            "title": _text(document.title),
            "one_page": document.one_page,
            "state": document.state.verdict,
            "words": document.state.words,
            "sentence": _text(document.sentence),
            "facts": [[name, self._cell(value)] for name, value in document.facts],
            "sections": [
                {"title": section.title, "parts": [self._part(part) for part in section.parts]}
                for section in document.sections
            ],
        }

    def _part(self, part: Part) -> dict[str, Any]:
        if isinstance(part, Drawing):
            figure = part.figure
            told = {"title": _text(figure.title), "text": _text(part.sentence), "wide": figure.wide}
            return {"kind": "drawing", "file": self._file(figure.svg), **told}
        if isinstance(part, Table):
            rows = [[self._cell(cell) for cell in row] for row in part.rows]
            columns = [_text(name) for name in part.columns]
            widths = _widths(columns, rows)
            return {"kind": "table", "columns": columns, "rows": rows, "widths": widths, "empty": part.empty}
        return {"kind": "text", "text": _text(part)}

    def _cell(self, cell: Cell) -> dict[str, str]:
        if isinstance(cell, Mini):
            return {"kind": "svg", "file": self._file(mini_pair(cell.before, cell.now, shortened(cell.title, 100)))}
        if isinstance(cell, State):
            return {"kind": "state", "text": cell.words, "state": cell.verdict}
        if isinstance(cell, datetime):
            return {"kind": "text", "text": moment(cell)}
        if isinstance(cell, Share):
            return {"kind": "number", "text": percent(cell)}
        if isinstance(cell, str):
            return {"kind": "text", "text": _text(cell)}
        return {"kind": "number", "text": number(cell)}

    def _file(self, svg: Markup) -> str:
        self._drawn += 1
        name = f"{self._drawn}.svg"
        opening, _, rest = svg.partition(">")
        space = "" if "xmlns=" in opening else ' xmlns="http://www.w3.org/2000/svg"'
        (self._folder / name).write_text(f"{opening}{space}><style>{paper_rules()}</style>{rest}", encoding="utf-8")
        return name


def _text(value: str) -> str:
    """Text that fits on paper: cut where it is endless, and broken where it has no spaces."""
    return _WORD.sub(lambda found: found.group() + "\u200b", plain(shortened(value, _LONGEST)))


def _widths(columns: Sequence[str], rows: Sequence[Sequence[dict[str, str]]]) -> list[int]:
    """How wide each column is beside the others: by what it mostly holds; 0 for as wide as all of it is."""
    found = []
    for place, name in enumerate(columns):
        lengths = sorted(len(row[place].get("text", "x" * 12)) for row in rows) or [0]
        mostly = max(lengths[int(0.9 * (len(lengths) - 1))], len(name))
        found.append(0 if max(lengths[-1], len(name)) <= _SHORT else min(mostly, 48))
    return found
