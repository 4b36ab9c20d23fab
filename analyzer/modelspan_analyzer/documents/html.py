"""Documents as HTML that holds all it needs: one file, no script, nothing fetched."""

from __future__ import annotations

import re
from datetime import datetime
from importlib.resources import files
from itertools import groupby
from typing import Final

from modelspan_analyzer.charts import Markup, element, mini_pair, prose, stylesheet
from modelspan_analyzer.charts.scale import moment, number, percent
from modelspan_analyzer.charts.svg import joined, shortened, text
from modelspan_analyzer.documents.document import (
    Cell,
    Document,
    Drawing,
    Mini,
    Name,
    Part,
    Section,
    Share,
    State,
    Table,
)

_LONGEST: Final = 300
"""Characters of a cell's text; what is longer is cut, and says so by its end."""
_MANY: Final = 4
"""Columns of a table that is too wide for a phone."""
_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
"""Nothing in the file may run, load or send anything, whatever the data hold."""


def page(document: Document) -> str:
    """A whole file."""
    head = element(
        "head",
        Markup('<meta charset="utf-8">'),
        Markup(f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'),
        Markup('<meta name="viewport" content="width=device-width, initial-scale=1">'),
        Markup('<meta name="color-scheme" content="light dark">'),
        element("title", shortened(document.title, _LONGEST)),
        _styles(),
    )
    body = element("body", element("main", *_parts(document), class_="report"))
    return f'<!doctype html>\n<html lang="en">{head}{body}</html>\n'


def fragment(document: Document) -> str:
    """What a notebook shows in a cell: the answer to its `_repr_html_`."""
    return element("div", _styles(), *_parts(document), class_="report inline")


def _styles() -> Markup:
    own = files(__package__).joinpath("document.css").read_text(encoding="utf-8")
    rules = re.sub(r"\s*\n\s*", "\n", re.sub(r"/\*.*?\*/", "", stylesheet() + own, flags=re.DOTALL)).strip()
    return Markup(f"<style>{rules}</style>")


def _parts(document: Document) -> list[Markup]:
    facts = [joined(element("dt", name), element("dd", _shown(value))) for name, value in document.facts]
    verdict = element(
        "p", _shown(document.state), " ", prose(document.sentence), class_=f"verdict {document.state.verdict}"
    )
    head = element(
        "header",
        element("h1", shortened(document.title, _LONGEST)),
        verdict,
        element("dl", *facts, class_="facts") if facts else Markup(),
    )
    return [head, *(_section(section) for section in document.sections)]


def _section(section: Section) -> Markup:
    inside = []
    for drawn, parts in groupby(section.parts, lambda part: isinstance(part, Drawing)):
        found = [_part(part) for part in parts]
        inside += [element("div", *found, class_="drawings")] if drawn else found
    return element("section", element("h2", section.title), *inside)


def _part(part: Part) -> Markup:
    if isinstance(part, Drawing):
        return element(
            "div",
            Markup(part.figure.__html__()),
            element("p", prose(part.sentence)),
            class_=f"drawing{' wide' if part.figure.wide else ''}",
        )
    if isinstance(part, Table):
        return _table(part)
    return element("p", prose(part))


def _table(table: Table) -> Markup:
    if not table.rows:
        return element("p", prose(table.empty), class_="empty")
    numeric = [isinstance(cell, float | int) for cell in table.rows[0]]
    head = element(
        "tr",
        *(
            element("th", name, scope="col", class_="number" if right else None)
            for name, right in zip(table.columns, numeric, strict=True)
        ),
    )
    many = len(table.columns) >= _MANY
    names = table.columns if many else ("",) * len(table.columns)
    body = [element("tr", *map(_cell, row, names)) for row in table.rows]
    whole = element("table", element("thead", head), element("tbody", *body))
    kind = "across many" if many else "across"
    return element("div", whole, class_=kind, tabindex=0, role="region", aria_label=", ".join(table.columns))


def _cell(cell: Cell, name: str) -> Markup:
    """A cell; where rows become cards, on a phone, what is no sentence says of what it is."""
    kind = "number" if isinstance(cell, float | int) or cell is None else "name" if isinstance(cell, Name) else None
    alone = kind == "number" or isinstance(cell, datetime)
    return element("td", _shown(cell), class_=kind, data_of=name if name and alone else None)


def _shown(cell: Cell) -> str:
    """A cell's text, or its markup."""
    if isinstance(cell, Mini):
        return mini_pair(cell.before, cell.now, shortened(cell.title, _LONGEST))
    if isinstance(cell, State):
        return element("span", cell.words, class_=f"state {re.sub('[^a-z_]', '', cell.verdict)}")
    if isinstance(cell, datetime):
        return element("time", moment(cell), datetime=cell.isoformat())
    if isinstance(cell, Share):
        return percent(cell)
    if isinstance(cell, Name):
        return text(shortened(cell, _LONGEST))
    if isinstance(cell, str):
        return prose(shortened(cell, _LONGEST))
    return number(cell)
