"""One function makes a page, its JSON and its CSV out of one view, so that all of them say the same."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from modelspan_analyzer.reading.names import brief, named
from modelspan_analyzer.views.view import View
from modelspan_analyzer.web.asking import AskedWrongError, check_parameters
from modelspan_analyzer.web.pages.rendering import render, url
from modelspan_analyzer.web.pages.turns import Turns

Read = Callable[[Mapping[str, str]], View]
"""Makes the view of what is asked: the parameters of the query, and those of the path."""
_FORMULA: Final = r"^([=+\-@\t\r])"
"""How a text begins that a spreadsheet would run."""


@dataclass(frozen=True, slots=True)
class Page:
    """Where a view is shown, and by which template."""

    path: str
    """May have parameters, such as `/incidents/{incident_id}`."""
    template: str
    read: Read
    turns: Turns
    """Whose turn it is to read, among all pages of a store."""
    parameters: frozenset[str] = field(default_factory=frozenset)
    """What its query may say."""

    def routes(self) -> list[Route]:
        """The page, and the same view as JSON and as CSV."""
        stem = "/index" if self.path == "/" else self.path
        forms = {f"{stem}.json": self._json, f"{stem}.csv": self._csv, self.path: self._html}
        return [Route(path, self._endpoint(answer), methods=["GET"]) for path, answer in forms.items()]

    def _endpoint(self, answer: Callable[[Request, View], Response]) -> Callable[[Request], Any]:
        takes_table = answer == self._csv

        async def asked(request: Request) -> Response:
            known = self.parameters | ({"table"} if takes_table else frozenset())
            check_parameters(request, request.url.path, known)

            given = {**request.query_params, **request.path_params}
            key = (self.path, tuple(sorted(given.items())))
            view = await self.turns.share(key, lambda: self.read(given))
            return await self.turns.take(lambda: answer(request, view))

        return asked

    def _html(self, request: Request, view: View) -> Response:
        stem = "/index" if self.path == "/" else request.url.path
        kept = dict(request.query_params)
        forms = {
            "json": url(f"{stem}.json", **kept),
            "csv": {name: url(f"{stem}.csv", **kept, table=name) for name in view.tables()},
        }
        return render(request, self.template, 400 if view.problem else 200, view=view, forms=forms)

    def _json(self, _: Request, view: View) -> Response:
        if view.problem:
            raise AskedWrongError(view.problem)
        text = json.dumps(view.as_json(), ensure_ascii=False, allow_nan=False, indent=1, default=str)
        return Response(text.encode("utf-8", "replace"), media_type="application/json")

    def _csv(self, request: Request, view: View) -> Response:
        if view.problem:
            raise AskedWrongError(view.problem)
        tables = view.tables()
        name = request.query_params.get("table") or next(iter(tables), "")
        if name not in tables:
            raise AskedWrongError(f"there is no table {brief(name)!r}; there are {named(name, list(tables), 'table')}")
        sink = pa.BufferOutputStream()
        csv.write_csv(_harmless(tables[name]), sink)
        headers = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
        return Response(sink.getvalue().to_pybytes(), media_type="text/csv; charset=utf-8", headers=headers)


def _harmless(table: pa.Table) -> pa.Table:
    """A table whose texts no spreadsheet takes for formulas: names and values are whatever somebody sent."""
    columns = [
        pc.replace_substring_regex(column, _FORMULA, r"'\1") if pa.types.is_string(column.type) else column
        for column in table.columns
    ]
    return pa.table(columns, names=table.column_names)
