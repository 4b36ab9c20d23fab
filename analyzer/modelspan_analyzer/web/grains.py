"""`/api/drift` and `/api/feature_windows`: the views of a feature at any grain, for those who may not ask in SQL."""

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
from modelspan_analyzer.reading.names import UnknownNameError, brief, named, need_all
from modelspan_analyzer.reading.relation import filled
from modelspan_analyzer.results import finite
from modelspan_analyzer.views.veil import veil_over
from modelspan_analyzer.views.veiled import check_asked, names_veiled, veiled
from modelspan_analyzer.web.asking import AskedWrongError
from modelspan_analyzer.web.openapi.table import GRAINS, MOST_RESULTS
from modelspan_collector.access.rules import NO_RULES, Redaction
from modelspan_collector.store.connect import Store

_EARLIEST, _LATEST = "1970-01-01T00:00:00Z", "2200-01-01T00:00:00Z"
_ASKED: Final = """
SELECT {columns} FROM {view}(model = {model:String}, feature = {feature:String}, grain = {grain:String})
WHERE ({any_version:Bool} OR version = {version:String})
  AND window_start >= {since:DateTime64(9, 'UTC')} AND window_start < {until:DateTime64(9, 'UTC')}
ORDER BY version, window_start LIMIT {most:UInt32}
"""
_VIEWS: Final[Mapping[str, tuple[str, ...]]] = {
    "drift": (
        "version", "window_start", "complete", "rows", "missing", "mean", "psi_baseline", "psi_before", "before",
        "baseline_id",
    ),
    "feature_windows": (
        "version", "window_start", "rows", "missing", "numeric", "textual", "endless", "finite", "mean", "values",
        "weights", "categories",
    ),
}  # fmt: skip
"""Their columns."""
_SHOWN_OF_HASHED: Final = frozenset({"mean", "values", "weights"})
"""What would tell the values of a feature that is hashed, where it was a number before the rule came."""
_FEATURES: Final = """
SELECT DISTINCT concat(if(source = 'feature', '', 'prediction.'), feature) AS feature FROM feature_profile_days
WHERE model = {model:String} AND source IN ('feature', 'prediction') ORDER BY feature = {feature:String} DESC, feature
LIMIT 1000
"""


def grain_routes(store: Store, rules: Redaction = NO_RULES) -> list[Route]:
    """A route a view."""

    def route(view: str) -> Route:
        async def show(request: Request) -> Response:
            return JSONResponse(await run_in_threadpool(_windows, store, rules, view, dict(request.query_params)))

        return Route(f"/api/{view}", show)

    return [route(view) for view in _VIEWS]


def _windows(store: Store, rules: Redaction, view: str, given: Mapping[str, str]) -> list[dict[str, Any]]:
    veil = veil_over(store, rules)
    check_asked(given, veil)
    if lacking := [name for name in ("model", "feature", "grain") if not given.get(name)]:
        raise AskedWrongError(f"say which {lacking[0]}: ?{lacking[0]}=…")
    model, feature, grain, version = given["model"], given["feature"], given["grain"], given.get("version")
    if grain not in GRAINS:
        raise AskedWrongError(f"{grain[:40]!r} is no grain; say one of {', '.join(GRAINS)}")
    need_all(store, [model], [version])
    with names_veiled(veil):
        _need_feature(store, model, feature)
    since, until = given.get("since") or _EARLIEST, given.get("until") or ("" if given.get("since") else _LATEST)
    window = window_of(since, until)
    of = {"model": model, "feature": feature, "grain": grain, "version": version or "", "any_version": version is None}
    asked = {**of, "since": window.start, "until": window.end, "most": MOST_RESULTS}
    rows = store.rows(filled(_ASKED, columns=", ".join(_VIEWS[view]), view=view), asked)
    hashed = veil.hidden.get(feature) == "hash"
    return veiled([_as_json(row, model, feature, grain, hashed=hashed) for row in rows], veil)


def _need_feature(store: Store, model: str, feature: str) -> None:
    """Refuse a feature, or an answer, of which no window can be: an empty list would say that none has come."""
    there = [str(row["feature"]) for row in store.rows(_FEATURES, {"model": model, "feature": feature})]
    if feature not in there:
        known = named(feature, there, "feature")
        raise UnknownNameError(f"there is no feature {brief(feature)!r} of {brief(model)}; it has {known}")


def _as_json(row: Mapping[str, Any], model: str, feature: str, grain: str, *, hashed: bool) -> dict[str, Any]:
    shown = {name: None if hashed and name in _SHOWN_OF_HASHED else _plain(value) for name, value in row.items()}
    if "categories" in shown:
        shown["categories"] = [{"value": text, "weight": weight} for text, weight in row["categories"].items()]
    return {"model": model, "feature": feature, "grain": grain, **shown}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return instants.utc(value).isoformat()
    return finite(value) if isinstance(value, float) else value
