"""The SDK's ways in: one row or many, of every library's own type, by every function that takes predictions."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
from conformance_access import Access, Bench
from conformance_data import LIVE, ROWS, Rows, blocks, prediction_id, trace_id
from conformance_upstream import LIVE_PLAIN, SERVICE, VERSION, send_upstream
from opentelemetry import trace as api

import modelspan

FLOATS = ("amount", "visits")
Send = Callable[[Bench, Access, str], None]


@contextmanager
def configured(bench: Bench, access: Access, port: int | None = None, **environment: str) -> Iterator[None]:
    """The SDK of this process, sending to the access's collector; everything is sent in the end."""
    with mock.patch.dict(os.environ, environment):
        endpoint = f"http://127.0.0.1:{port or bench.collector(access).http_port}"
        modelspan.configure(endpoint=endpoint, headers=access.headers, service_name=SERVICE, resource_metrics=False)
        yield
        assert modelspan.flush(timeout=60)


@contextmanager
def within(model: str, block: int) -> Iterator[None]:
    """The work of one request: its trace is current, and its tags are set."""
    row = blocks()[block][0]
    context = api.SpanContext(int(trace_id(model, block), 16), block + 1, is_remote=True)
    with api.use_span(api.NonRecordingSpan(context)), modelspan.tags(**{n: c[row] for n, c in LIVE.tags.items()}):
        yield


def ids(model: str, rows: range) -> list[str]:
    """The ids of some rows."""
    return [prediction_id(model, row) for row in rows]


def answer(row: int) -> dict[str, object]:
    """What the model says of one row."""
    return {"label": LIVE.predicted[row], "score": float(LIVE.score[row])}


def label_one_by_one(model: str) -> None:
    """`label` for each outcome."""
    for row, truth in enumerate(LIVE.truth):
        if truth is not None:
            modelspan.label(prediction_id(model, row), truth, model=model)


def label_table(model: str) -> None:
    """`label` for all outcomes, as a table."""
    known = [row for row in range(ROWS) if LIVE.truth[row] is not None]
    table = {"prediction_id": [prediction_id(model, row) for row in known], "label": [LIVE.truth[row] for row in known]}
    modelspan.label(pd.DataFrame(table), model=model)


# --- one row -----------------------------------------------------------------------------------------


def rows_by(
    predict_block: Callable[[str], Callable[[range], None]], labels: Callable[[str], None] = label_table
) -> Send:
    """A source that predicts row by row, request by request."""

    def send(bench: Bench, access: Access, model: str) -> None:
        send_upstream(bench, access, model)
        predict = predict_block(model)
        with configured(bench, access):
            for block, rows in enumerate(blocks()):
                with within(model, block):
                    predict(rows)
            labels(model)

    return send


def _observed(model: str) -> Callable[[Any], Any]:
    return modelspan.observe(
        model, VERSION, features=lambda row: LIVE_PLAIN[row], prediction_id=lambda row: prediction_id(model, row)
    )


def plain_calls(model: str) -> Callable[[range], None]:
    """A plain function."""
    predict = _observed(model)(answer)
    return lambda rows: [predict(row) for row in rows] and None


def async_calls(model: str) -> Callable[[range], None]:
    """A coroutine function, its calls at the same time."""

    async def answer_later(row: int) -> dict[str, object]:
        await asyncio.sleep(0)
        return answer(row)

    predict = _observed(model)(answer_later)

    async def all_of(rows: range) -> None:
        await asyncio.gather(*(predict(row) for row in rows))

    return lambda rows: asyncio.run(all_of(rows))


def streams(model: str) -> Callable[[range], None]:
    """A generator, whose last item is the prediction."""

    def answer_in_parts(row: int) -> Iterator[object]:
        yield {"label": "no", "score": 0.0}
        yield answer(row)

    predict = _observed(model)(answer_in_parts)
    return lambda rows: [list(predict(row)) for row in rows] and None


def blocks_of_code(model: str) -> Callable[[range], None]:
    """`prediction` where a decorator does not fit."""

    def predict(rows: range) -> None:
        for row in rows:
            with modelspan.prediction(model, VERSION, prediction_id=prediction_id(model, row)) as one:
                one.features, one.value, one.label = LIVE_PLAIN[row], LIVE.score[row], LIVE.predicted[row]

    return predict


# --- many rows ---------------------------------------------------------------------------------------


def tables_of(
    make: Callable[[Rows], Any],
    result: Callable[[Any, Any], Any] = lambda labels, scores: (labels, scores),
    *,
    grpc: bool = False,
    instrumented: bool = False,
    **options: Any,
) -> Callable[..., None]:
    """A source that predicts a table of a library's own type in each request."""

    def send(bench: Bench, access: Access, model: str, port: int | None = None) -> None:
        def predict(_table: Any, rows: range) -> Any:
            return result([LIVE.predicted[row] for row in rows], LIVE.score[list(rows)])

        told: dict[str, Any] = {"prediction_id": lambda _table, rows: ids(model, rows), **options}
        if instrumented:
            estimator = type("Estimator", (), {"predict": staticmethod(predict)})()
            observed = modelspan.instrument(estimator, model, VERSION, **told).predict
        else:
            observed = modelspan.observe(model, VERSION, **told)(predict)
        send_upstream(bench, access, model, port)
        environment = {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"} if grpc else {}
        with configured(bench, access, bench.collector(access).grpc_port if grpc else port, **environment):
            for block, rows in enumerate(blocks()):
                with within(model, block):
                    observed(make(LIVE.select(list(rows))), rows)
            label_table(model)

    return send


def pandas_frame(rows: Rows) -> pd.DataFrame:
    """Zones as a category of integers, booleans as such, missing texts as None."""
    frame = pd.DataFrame({**rows.numeric, **{name: list(column) for name, column in rows.categorical.items()}})
    frame["zone"] = pd.Series([int(str(zone)) for zone in rows.categorical["zone"]]).astype("category")
    frame["member"] = [one == "true" for one in rows.categorical["member"]]
    frame["visits"] = frame["visits"].astype("int32")
    return frame


def polars_frame(rows: Rows) -> pl.DataFrame:
    """Zones as a categorical column, whose categories polars keeps as text; missing numbers as null."""
    frame = pl.DataFrame({**rows.numeric, **{name: list(column) for name, column in rows.categorical.items()}})
    return frame.with_columns(
        pl.col("amount").fill_nan(None),
        pl.col("visits").cast(pl.UInt16),
        pl.col("zone").cast(pl.Categorical),
        pl.col("member") == "true",
    )


def arrow_table(rows: Rows) -> pa.Table:
    """Zones as a dictionary of integers, booleans as such."""
    zones = pa.array([int(str(zone)) for zone in rows.categorical["zone"]], pa.int16()).dictionary_encode()
    texts = {name: pa.array(column, pa.string()) for name, column in rows.categorical.items()}
    numbers = {name: pa.array(column, from_pandas=True) for name, column in rows.numeric.items()}
    flags = pa.array([one == "true" for one in rows.categorical["member"]])
    return pa.table({**numbers, **texts, "zone": zones, "member": flags})


def numpy_columns(rows: Rows) -> dict[str, np.ndarray]:
    """A mapping of NumPy arrays, those of text with None where missing."""
    texts = {name: np.array(column, dtype=object) for name, column in rows.categorical.items()}
    return {**rows.numeric, **texts, "member": np.array([one == "true" for one in rows.categorical["member"]])}


def numpy_matrix(rows: Rows) -> np.ndarray:
    """A matrix of the numbers."""
    return np.column_stack([rows.numeric[name] for name in FLOATS])


def list_of_rows(rows: Rows) -> list[dict[str, object]]:
    """One dict a row, None where missing."""
    return [dict(rows.plain(at)) for at in range(len(rows.score))]


def polars_answer(labels: Any, scores: Any) -> pl.DataFrame:
    """A result as a polars frame."""
    return pl.DataFrame({"label": labels, "score": scores})


def arrow_answer(labels: Any, scores: Any) -> pa.Table:
    """A result as an Arrow table."""
    return pa.table({"label": labels, "score": scores})
