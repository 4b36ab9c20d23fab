"""A query of a person's own: its answer as a table, and drawn where it can be."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import pyarrow as pa

from modelspan_analyzer.charts import Bar, Figure, Point, interval_bars, time_line
from modelspan_analyzer.views.examples import EXAMPLES, Example
from modelspan_analyzer.views.view import View, plain
from modelspan_collector.sqlhttp.errors import ClickHouseError
from modelspan_collector.sqlhttp.reader import MOST_ROWS, SqlReader

PARAMETERS: Final = frozenset({"query", "show"})
SHOWN: Final = ("table", "line", "bars")
ON_THE_PAGE: Final = 500
"""Rows of the page's table; all of them are in JSON and CSV."""
_MOST_BARS: Final = 40
Rows = tuple[tuple[Any, ...], ...]


@dataclass(frozen=True, kw_only=True)
class Sql(View):
    """What was asked, and the answer."""

    query: str = ""
    show: str = "table"
    columns: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    rows: Rows = ()
    more: bool = False
    """Whether the answer has more than `MOST_ROWS` rows, which are all that is here."""
    seconds: float = 0.0
    examples: tuple[Example, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The answer, without what only the page shows."""
        told: dict[str, Any] = {"title": self.title, "sentence": self.sentence, "query": self.query}
        told |= {"columns": list(self.columns), "types": list(self.types), "rows": plain(self.rows)}
        told |= {"more": self.more, "seconds": self.seconds}
        return told if self.query else {**told, "examples": plain(self.examples)}

    def tables(self) -> Mapping[str, pa.Table]:
        """The answer."""
        if not self.query:
            return {}
        columns = [_column([row[place] for row in self.rows]) for place in range(len(self.columns))]
        return {"answer": pa.table(columns, names=list(self.columns))}

    def examples_by_table(self) -> Mapping[str, tuple[Example, ...]]:
        """The examples of each table, in their order."""
        names = dict.fromkeys(one.table for one in self.examples)
        return {name: tuple(one for one in self.examples if one.table == name) for name in names}

    def drawn(self) -> Figure | None:
        """The answer as it was asked to be drawn; None where it is to be a table, or has nothing to draw."""
        return {"line": self._line, "bars": self._bars}[self.show]() if self.show in ("line", "bars") else None

    def undrawn(self) -> str:
        """Why there is nothing to draw."""
        if self.show == "line":
            return "A line needs a column of times and one of numbers."
        return "Bars need a column of texts and one of numbers."

    def _column(self, *kinds: type) -> int | None:
        """The first column whose values are of some kinds, as far as there are any."""
        for place in range(len(self.columns)):
            there = [row[place] for row in self.rows if row[place] is not None]
            if there and all(isinstance(value, kinds) and not isinstance(value, bool) for value in there):
                return place
        return None

    def _line(self) -> Figure | None:
        at, of = self._column(datetime), self._column(int, float)
        if at is None or of is None:
            return None
        rows = sorted((row for row in self.rows if row[at] is not None), key=lambda row: row[at])
        points = [Point(row[at], row[of]) for row in rows[:ON_THE_PAGE]]
        return time_line(self.columns[of], points)

    def _bars(self) -> Figure | None:
        name, of = self._column(str), self._column(int, float)
        if name is None or of is None:
            return None
        bars = [Bar(str(row[name] or ""), row[of]) for row in self.rows[:_MOST_BARS]]
        return interval_bars(f"{self.columns[of]} by {self.columns[name]}", bars)


def read(reader: SqlReader, given: Mapping[str, str]) -> Sql:
    """The answer to a `query`, or the examples; `show` says how: as `SHOWN`.

    Raises:
        ValueError: it can be shown in no such way.
    """
    query, show = given.get("query", "").strip(), given.get("show") or "table"
    if show not in SHOWN:
        raise ValueError(f"{show[:40]!r} is no way to show an answer; say one of {', '.join(SHOWN)}")
    base: dict[str, Any] = {"title": "SQL", "query": query, "show": show, "examples": EXAMPLES}
    if not query:
        return Sql(**base, sentence="Ask the store whatever you like: queries read, and change nothing.")
    begun = time.perf_counter()
    try:
        answer = reader.ask(query)
    except ClickHouseError as error:
        return Sql(**base, sentence="The query was not answered.", problem=_said(error))
    took = time.perf_counter() - begun
    count = len(answer.rows)
    many = (
        f"the first {MOST_ROWS:,} rows; there are more" if answer.more else f"{count:,} row{'s' if count != 1 else ''}"
    )
    return Sql(
        **base,
        sentence=f"{many[:1].upper()}{many[1:]}, in {took:.2f} s.",
        columns=answer.names,
        types=answer.types,
        rows=answer.rows,
        more=answer.more,
        seconds=round(took, 3),
    )


def _column(values: list[Any]) -> pa.Array:
    """A column as CSV can have it: what is nested, or of several kinds, is text."""
    if not any(isinstance(value, list | dict) for value in values):
        with suppress(pa.ArrowException):
            return pa.array(values)
    texts = [value if value is None or isinstance(value, str) else json.dumps(plain(value)) for value in values]
    return pa.array(texts, pa.string())


def _said(error: ClickHouseError) -> str:
    return " ".join(error.message.split())[:1000]
