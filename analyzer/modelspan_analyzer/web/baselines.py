"""`/api/baselines`: list what models are compared with, and set it, on an instance that owns its store.

A baseline is set by posting a table, in any form that is read, profiles of whylogs one behind the other, or a JSON
object with the start and end of a past window. All content types make a browser ask first, so that no page of another
origin can post one.
"""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import datetime
from functools import partial
from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from modelspan_analyzer.files.roles import Hints, Roles, settle
from modelspan_analyzer.reading import baselines
from modelspan_analyzer.reading.baselines import Baseline
from modelspan_analyzer.reading.confined import need_own
from modelspan_analyzer.reading.names import need_all
from modelspan_analyzer.results import Window
from modelspan_analyzer.verdicts.rule import DriftRule
from modelspan_analyzer.views.veil import veil_over
from modelspan_analyzer.views.veiled import veiled
from modelspan_analyzer.web import uploads
from modelspan_analyzer.whylogs.baseline import profiles_of, set_from_profiles
from modelspan_analyzer.whylogs.profile_file import MEDIA_TYPE as PROFILE_TYPE
from modelspan_collector.access.rules import NO_RULES, Redaction
from modelspan_collector.store.connect import Store

FEWEST: Final = DriftRule().minimum_rows
"""Rows of a baseline below which no column of it is compared."""
PARQUET_TYPE = uploads.PARQUET_TYPE
JSON_TYPE = "application/json"


def baseline_routes(store: Store, rules: Redaction = NO_RULES) -> list[Route]:
    """The routes."""

    async def list_baselines(request: Request) -> Response:
        found = await run_in_threadpool(_listed, store, request.query_params.get("model"))
        veil = await run_in_threadpool(veil_over, store, rules)
        return JSONResponse(veiled([as_json(baseline) for baseline in found], veil))

    async def set_baseline(request: Request) -> Response:
        return await uploads.answered(request, partial(_set, store, rules))

    return [
        Route("/api/baselines", list_baselines, methods=["GET"]),
        Route("/api/baselines", set_baseline, methods=["POST"]),
    ]


def _listed(store: Store, model: str | None) -> list[Baseline]:
    need_all(store, [model or ""], [])
    return baselines.listing(store, model)


def _set(store: Store, rules: Redaction, given: QueryParams, kind: str, body: bytes) -> dict[str, object]:
    if not given.get("model"):
        raise ValueError("say which model: ?model=NAME")
    model, version = rules.masked(given["model"]), given.get("version")
    need_own(store, model)
    version = version if version is None else rules.masked(version)
    if kind == JSON_TYPE:
        if not (given.get("start") and given.get("end")):
            raise ValueError("say of which time: ?start=2026-01-31T14:00:00&end=2026-01-31T15:00:00")
        window = Window(datetime.fromisoformat(given["start"]), datetime.fromisoformat(given["end"]))
        return answer(baselines.set_from_window(store, model, version, window))
    set_from = _set_from_profile if kind == PROFILE_TYPE else _set_from_table
    return set_from(store, rules, given, kind, body, (model, version))


_Whose = tuple[str, str | None]
"""A model and its version."""


def _set_from_table(
    store: Store, rules: Redaction, given: QueryParams, kind: str, body: bytes, whose: _Whose
) -> dict[str, object]:
    structural, roles = _structural(given), _roles(rules, given)
    texts = tuple(column for name in ("id", "time") if (column := given.get(name)))
    written = uploads.written(given)
    rows = uploads.table(kind, body, texts, rules, structural, written)
    if given.get("settled"):  # by the command, which has said what it left out
        roles = replace(roles, asked_back=tuple(rows.table.column_names))
    scale, unit = given.get("score_scale", ""), given.get("time_unit", "")
    hints = Hints(given.get("task", ""), unit, scale, written.date_order)
    settled = settle(rows, roles, hints)
    made = baselines.set_from_settled(store, *whose, settled, _source(rules, given))
    return {**answer(made), "assumed": rows.remarks.assumed, "left_out": rows.remarks.left_out}


def _set_from_profile(
    store: Store, rules: Redaction, given: QueryParams, _kind: str, body: bytes, whose: _Whose
) -> dict[str, object]:
    profiles = profiles_of({"what was posted": body})
    made, said = set_from_profiles(
        store,
        *whose,
        profiles,
        _roles(rules, given),
        _source(rules, given),
        task=given.get("task", ""),
        rules=rules,
        structural=frozenset(_structural(given)),
    )
    return {**answer(made), "assumed": said.assumed, "left_out": said.left_out}


def _source(rules: Redaction, given: QueryParams) -> str:
    return rules.masked(given.get("source", "posted over HTTP"))


_STRUCTURAL: Final = ("prediction", "score", "label", "id", "time")


def _structural(given: QueryParams) -> list[str]:
    """Columns without which a row has no place."""
    return [column for name in _STRUCTURAL if (column := given.get(name))]


def _roles(rules: Redaction, given: QueryParams) -> Roles:
    prediction, score, label, ids, time = ((c := given.get(name)) and rules.masked(c) for name in _STRUCTURAL)
    return Roles(
        prediction,
        score,
        label,
        ids,
        time,
        segments=uploads.left(rules, _names(given, "tag")),
        features=uploads.left(rules, _names(given, "features")),
        asked_back=uploads.left(rules, given.getlist("feature")),
    )


def _names(given: QueryParams, key: str) -> tuple[str, ...]:
    """Each name once, as each costs a pass over its column."""
    return tuple(dict.fromkeys(name.strip() for part in given.getlist(key) for name in part.split(",") if name.strip()))


def answer(made: Baseline) -> dict[str, object]:
    """A baseline that was just set, as JSON, with a warning where it is too small for nearly everything."""
    return {**as_json(made), **({"warning": few} if (few := warning(made)) else {})}


def warning(made: Baseline) -> str:
    """What is wrong with a baseline that has next to no rows; '' where it has enough."""
    if made.rows >= FEWEST:
        return ""
    rows = f"{made.rows} {'row' if made.rows == 1 else 'rows'}"
    return (
        f"this baseline has {rows}, and drift and data quality need {FEWEST}: next to nothing is compared with it, and "
        "none is learnt while it stands; set a larger one over it"
    )


def as_json(baseline: Baseline) -> dict[str, object]:
    """A baseline as JSON shows it."""
    shown = {name: value for name, value in asdict(baseline).items() if name != "window"}
    shown["created_at"] = baseline.created_at.isoformat()
    if baseline.window:
        shown |= {"window_start": baseline.window.start.isoformat(), "window_end": baseline.window.end.isoformat()}
    return shown
