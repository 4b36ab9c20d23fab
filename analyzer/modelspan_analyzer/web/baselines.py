"""`/api/baselines`: list what models are compared with, and set it, on an instance that owns its store.

A baseline is set by posting either a Parquet file, or a JSON object with the start and end of a past window. Both
content types make a browser ask first, so that no page of another origin can post one.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime

import pyarrow as pa
import pyarrow.parquet as parquet
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from modelspan_analyzer import baselines
from modelspan_analyzer.baselines import Baseline
from modelspan_analyzer.results import Window
from modelspan_collector.store.connect import Store

PARQUET_TYPE = "application/vnd.apache.parquet"
JSON_TYPE = "application/json"


def baseline_routes(store: Store) -> list[Route]:
    """The routes."""

    async def list_baselines(request: Request) -> Response:
        found = await run_in_threadpool(baselines.listing, store, request.query_params.get("model"))
        return JSONResponse([as_json(baseline) for baseline in found])

    async def set_baseline(request: Request) -> Response:
        kind = request.headers.get("content-type", "").split(";")[0]
        try:
            made = await run_in_threadpool(_set, store, request.query_params, kind, await request.body())
        except (ValueError, KeyError, pa.ArrowException) as error:
            return JSONResponse({"error": str(error)}, status_code=400)
        return JSONResponse(as_json(made), status_code=201)

    return [
        Route("/api/baselines", list_baselines, methods=["GET"]),
        Route("/api/baselines", set_baseline, methods=["POST"]),
    ]


def _set(store: Store, given: QueryParams, kind: str, body: bytes) -> Baseline:
    model, version = given["model"], given.get("version", "")
    if kind == PARQUET_TYPE:
        features = given.get("features")
        return baselines.set_from_table(
            store,
            model,
            version,
            parquet.read_table(pa.BufferReader(body)),
            prediction=given.get("prediction"),
            score=given.get("score"),
            label=given.get("label"),
            features=features.split(",") if features else None,
            tags=[name for given_tags in given.getlist("tag") for name in given_tags.split(",") if name],
            source=given.get("source", "posted over HTTP"),
        )
    if kind == JSON_TYPE:
        window = Window(datetime.fromisoformat(given["start"]), datetime.fromisoformat(given["end"]))
        return baselines.set_from_window(store, model, version, window)
    raise ValueError(f"a baseline is posted as {PARQUET_TYPE} or {JSON_TYPE}, not {kind!r}")


def as_json(baseline: Baseline) -> dict[str, object]:
    """A baseline as JSON shows it."""
    shown = {name: value for name, value in asdict(baseline).items() if name != "window"}
    shown["created_at"] = baseline.created_at.isoformat()
    if baseline.window:
        shown |= {"window_start": baseline.window.start.isoformat(), "window_end": baseline.window.end.isoformat()}
    return shown
