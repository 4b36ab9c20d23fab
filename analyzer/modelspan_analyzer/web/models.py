"""`/api/models` and `/api/results`: which models there are, and what the monitors measured of them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from modelspan_analyzer import instants
from modelspan_analyzer.incidents.asked import window_of
from modelspan_analyzer.incidents.store import load_open
from modelspan_analyzer.monitors.table import need_signal
from modelspan_analyzer.reading.names import brief, named, need_all
from modelspan_analyzer.reading.relation import filled
from modelspan_analyzer.reading.window import WHOSE, whose
from modelspan_analyzer.results import Verdict, finite
from modelspan_analyzer.views.veil import veil_over
from modelspan_analyzer.views.veiled import check_asked, veiled
from modelspan_analyzer.web.asking import AskedWrongError
from modelspan_analyzer.web.openapi.table import MOST_RESULTS
from modelspan_collector.access.rules import NO_RULES, Redaction
from modelspan_collector.store.connect import Store

_USUAL_RESULTS: Final = 1000
_EARLIEST, _LATEST = "1970-01-01T00:00:00Z", "2200-01-01T00:00:00Z"

_MODELS = """
SELECT model, version, sum(rows_) AS predictions, minIf(first_, rows_ > 0) AS first, maxIf(last_, rows_ > 0) AS last,
       sum(alarms_) AS alarms, 0 AS open_incidents, max(checked_) AS checked
FROM (
    SELECT model, version, count() AS rows_, min(timestamp) AS first_, max(timestamp) AS last_,
           0 AS alarms_, CAST(NULL AS Nullable(DateTime64(9, 'UTC'))) AS checked_
    FROM predictions WHERE {model:String} = '' OR model = {model:String} GROUP BY model, version
    UNION ALL
    SELECT model, version, 0, toDateTime64(0, 9, 'UTC'), toDateTime64(0, 9, 'UTC'), countIf(verdict = 'alarm'),
           max(window_end)
    FROM monitor_results FINAL
    WHERE ({model:String} = '' OR model = {model:String}) AND (model, version, window_end) IN (
        SELECT model, version, max(window_end) FROM monitor_results GROUP BY model, version
    )
    GROUP BY model, version
)
GROUP BY model, version ORDER BY model, version
"""
_MEASURED = """
SELECT DISTINCT multiIf({column:String} = 'metric', toString(metric), {column:String} = 'feature', toString(feature),
                        toString(segment)) AS name
FROM monitor_results WHERE model = {model:String} AND name != '' LIMIT 10000
"""
_RESULTS = filled(
    """
SELECT model, version, window_start, window_end, signal, metric, feature, segment, value, lower, upper, threshold,
       direction, verdict, p_value, n, n_baseline, baseline_id, monitor, computed_at, reason
FROM monitor_results FINAL
WHERE {whose}
  AND ({signal:String} = '' OR signal = {signal:String}) AND ({metric:String} = '' OR metric = {metric:String})
  AND ({feature:String} = '' OR feature = {feature:String}) AND ({segment:String} = '' OR segment = {segment:String})
  AND ({verdict:String} = '' OR verdict = {verdict:String})
  AND window_end > {since:DateTime64(9, 'UTC')} AND window_start < {until:DateTime64(9, 'UTC')}
ORDER BY window_end DESC, version, signal, metric, feature, segment, monitor
LIMIT {limit:UInt32}
""",
    whose=WHOSE,
)


def model_routes(store: Store, rules: Redaction = NO_RULES) -> list[Route]:
    """The routes."""

    async def list_models(request: Request) -> Response:
        return JSONResponse(await run_in_threadpool(_models, store, request.query_params.get("model", "")))

    async def list_results(request: Request) -> Response:
        return JSONResponse(await run_in_threadpool(results, store, request.query_params, rules))

    return [Route("/api/models", list_models), Route("/api/results", list_results)]


def _models(store: Store, model: str) -> list[dict[str, Any]]:
    need_all(store, [model], [])
    rows = store.rows(_MODELS, {"model": model})
    found = {(row["model"], row["version"]): row for row in rows}
    for one in load_open(store, model):
        for version in one.bad_versions:
            nothing = {"predictions": 0, "first": None, "last": None, "alarms": 0, "open_incidents": 0, "checked": None}
            name = {"model": one.model, "version": version}
            found.setdefault((one.model, version), name | nothing)["open_incidents"] += 1
    seen = [row if row["predictions"] else row | {"first": None, "last": None} for _, row in sorted(found.items())]
    return [_as_json(row) for row in seen]


def results(store: Store, given: Mapping[str, str], rules: Redaction) -> list[dict[str, Any]]:
    """The rows of `/api/results` that are asked for."""
    veil = veil_over(store, rules)
    check_asked(given, veil)
    model, version, verdict = given.get("model", ""), given.get("version"), given.get("verdict", "")
    if not model:
        raise AskedWrongError("say which model: ?model=NAME")
    need_all(store, [model], [version])
    if verdict and verdict not in {each.value for each in Verdict}:
        raise AskedWrongError(f"{verdict[:40]!r} is no verdict; say one of {', '.join(each.value for each in Verdict)}")
    if given.get("signal"):
        need_signal(given["signal"])
    since, until = given.get("since") or _EARLIEST, given.get("until") or ("" if given.get("since") else _LATEST)
    window = window_of(since, until)
    for column in ("metric", "feature", "segment"):
        if given.get(column):
            _need_measured(store, model, column, given[column])
    names = {name: given.get(name, "") for name in ("signal", "metric", "feature", "segment")}
    asked = {**whose(model, version), "verdict": verdict, "since": window.start, "until": window.end}
    found = store.rows(_RESULTS, {**names, **asked, "limit": _limit(given.get("limit", ""))})
    return veiled([_as_json(row) for row in found], veil)


def _need_measured(store: Store, model: str, column: str, name: str) -> None:
    """Refuse what no result of the model is of, with what some are: an empty list would say that all is well."""
    asked = {"model": model, "column": column}
    there = [str(row["name"]) for row in store.rows(_MEASURED, asked)]
    if name not in there:
        known = named(name, there, column)
        raise AskedWrongError(f"nothing was measured of a {column} {brief(name)!r} of {brief(model)}; it has {known}")


def _limit(text: str) -> int:
    if not text:
        return _USUAL_RESULTS
    if not (text.isascii() and text.isdigit() and len(text) < 10 and 1 <= int(text) <= MOST_RESULTS):
        raise AskedWrongError(f"`limit` is a number from 1 to {MOST_RESULTS}, not {text[:40]!r}")
    return int(text)


def _as_json(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _plain(value) for name, value in row.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return instants.utc(value).isoformat()
    return finite(value) if isinstance(value, float) else value
