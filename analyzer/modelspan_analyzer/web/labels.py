"""`/api/labels`: load what was true into an instance that owns its store, from a table in any form that is read."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from modelspan_analyzer.files.labels import label_rows
from modelspan_analyzer.files.roles import Hints
from modelspan_analyzer.load_labels import load_labels, outcome_named
from modelspan_analyzer.reading.confined import need_own
from modelspan_analyzer.web import uploads
from modelspan_analyzer.web.access.visitors import actor_of
from modelspan_collector.access.rules import NO_RULES, Redaction
from modelspan_collector.store.connect import Store


def label_routes(store: Store, rules: Redaction = NO_RULES) -> list[Route]:
    """The one route."""

    async def post_labels(request: Request) -> Response:
        return await uploads.answered(request, partial(_load, store, rules, partial(actor_of, request)))

    return [Route("/api/labels", post_labels, methods=["POST"])]


def _load(
    store: Store, rules: Redaction, actor_named: Callable[[str], str], given: QueryParams, kind: str, body: bytes
) -> dict[str, object]:
    asked = (given.get("id", "prediction_id"), given.get("label", "label"), given.get("time", ""))
    id_column, label, time = map(rules.masked, asked)
    written = uploads.written(given)
    hints = Hints(given.get("task", ""), given.get("time_unit", ""), date_order=written.date_order)
    texts = tuple(name for name in (asked[0], asked[2]) if name)
    outcome = outcome_named(*given.getlist("outcome")[-1:])
    table = uploads.table(kind, body, texts, rules, asked, written)
    rows = label_rows(table, id_column, label, time, hints, named=bool(outcome))
    said = (given.get("model", ""), given.get("source", "posted over HTTP"), given.get("actor", ""))
    model, source, actor = map(rules.masked, said)
    if outcome and rules.action(outcome) != "keep":
        raise ValueError(f"the outcome {outcome!r} is not kept, by the rules of redaction")
    need_own(store, model)
    named = {"model": model, "source": source, "outcome": rules.masked(outcome)}
    count = load_labels(store, rows, actor=actor_named(actor), **named)
    return {"labels": count, "assumed": rows.remarks.assumed, "left_out": rows.remarks.left_out}
