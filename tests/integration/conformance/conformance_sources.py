"""Table of sources: every way in for predictions and their labels. A new one is one line here.

A source is given a model's name and an access, sends `LIVE` in its own way, and says what of it a store can hold.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import conformance_sdk as sdk
import numpy as np
import pandas as pd
import pyarrow as pa
from conformance_access import Access, Bench
from conformance_data import BLOCK_ROWS, LIVE, ROWS, Rows, blocks, prediction_id, trace_id
from conformance_upstream import LIVE_PLAIN, SECOND, SERVICE, VERSION, begun, send_upstream, upstream_spans
from conformance_wire import Span, insert_spans, post_event, post_spans, spans_as_json, spans_over_grpc

from modelspan_analyzer.files.labels import label_rows
from modelspan_analyzer.files.read import read
from modelspan_analyzer.files.roles import Roles
from modelspan_analyzer.load_labels import load_labels
from modelspan_analyzer.replay.history import split
from modelspan_analyzer.replay.records import labels as label_records
from modelspan_analyzer.replay.records import predictions as prediction_records
from modelspan_collector.store.connect import Store

TEXTS = pa.map_(pa.string(), pa.string())
NUMBERS = pa.map_(pa.string(), pa.float64())


def _all(rows: Rows) -> Rows:
    return rows


@dataclass(frozen=True)
class Source:
    """One way in."""

    name: str
    send: Callable[[Bench, Access, str], None]
    """Sends predictions and labels of a model, and what its traces hold upstream."""
    holds: Callable[[Rows], Rows] = _all
    """What of the rows this way can carry, and as what."""
    traced: bool = True
    gated: bool = True
    """Whether the rows pass a collector's gate; else no token, tenant's tag or rule of redaction can meet them."""


# --- other senders of OpenTelemetry ------------------------------------------------------------------


def spans_of(model: str) -> list[Span]:
    """The predictions as spans by convention, missing values left out, as OpenTelemetry has none."""
    first, spans = begun(), []
    for block, rows in enumerate(blocks()):
        for row in rows:
            attributes = {
                "modelspan.model.name": model,
                "modelspan.model.version": VERSION,
                "modelspan.prediction.id": prediction_id(model, row),
                "modelspan.prediction.value": float(LIVE.score[row]),
                "modelspan.prediction.label": str(LIVE.predicted[row]),
                **{f"modelspan.feature.{name}": value for name, value in LIVE_PLAIN[row].items() if value is not None},
                **{f"modelspan.tag.{name}": column[row] for name, column in LIVE.tags.items()},
            }
            at, number = first + row * SECOND // 100, f"{row + 4096:016x}"
            spans.append(Span(SERVICE, f"predict {model}", trace_id(model, block), number, at, attributes))
    return spans


def plain_spans(post: Callable[[Bench, Access, list[Span]], None], bench: Bench, access: Access, model: str) -> None:
    """Spans by convention from any SDK; labels from a file."""
    send_upstream(bench, access, model)
    post(bench, access, spans_of(model))
    _label_file(bench.reading(access), bench.data, model)


def over_http(bench: Bench, access: Access, spans: list[Span]) -> None:
    """By OTLP/HTTP as protobuf."""
    post_spans(bench.collector(access).http_port, access.headers, spans)


def over_grpc(bench: Bench, access: Access, spans: list[Span]) -> None:
    """By OTLP/gRPC."""
    spans_over_grpc(bench.collector(access).grpc_port, access.headers, spans)


def as_json(bench: Bench, access: Access, spans: list[Span]) -> None:
    """By OTLP/HTTP as JSON."""
    spans_as_json(bench.collector(access).http_port, access.headers, spans)


def exporters_rows(bench: Bench, access: Access, model: str) -> None:
    """Rows as the OpenTelemetry Collector's clickhouseexporter inserts them; labels from a file."""
    store = bench.reading(access)
    insert_spans(store, [*upstream_spans(model), *spans_of(model)])
    _label_file(store, bench.data, model)


def forwarded(bench: Bench, access: Access, model: str) -> None:
    """Calls that one collector takes and sends on to another."""
    relay = bench.relays[access.name]
    sdk.tables_of(sdk.list_of_rows)(bench, replace(access, token=""), model, relay.http_port)
    relay.flush()


# --- rows and files ----------------------------------------------------------------------------------


def inserted_rows(bench: Bench, access: Access, model: str) -> None:
    """Rows of another job's own, straight into `predictions`; labels from a file."""
    store, first = bench.reading(access), begun()
    insert_spans(store, upstream_spans(model))
    tags = [[(name, column[row]) for name, column in LIVE.tags.items()] for row in range(ROWS)]
    columns = {
        "model": [model] * ROWS,
        "version": [VERSION] * ROWS,
        "service": [SERVICE] * ROWS,
        "timestamp": pa.array([first + row * SECOND // 100 for row in range(ROWS)], pa.timestamp("ns", "UTC")),
        "prediction_id": [prediction_id(model, row) for row in range(ROWS)],
        "trace_id": [trace_id(model, row // BLOCK_ROWS) for row in range(ROWS)],
        "value": LIVE.score,
        "label": list(LIVE.predicted),
        "numeric_features": pa.array([_part(one, float) for one in LIVE_PLAIN], NUMBERS),
        "categorical_features": pa.array([_part(one, str) for one in LIVE_PLAIN], TEXTS),
        "null_features": [[name for name, value in one.items() if value is None] for one in LIVE_PLAIN],
        "tags": pa.array(tags, TEXTS),
    }
    store.insert("predictions", pa.table(columns))
    _label_file(store, bench.data, model)


def _part(row: dict[str, Any], kind: type) -> list[tuple[str, Any]]:
    return [(name, value) for name, value in row.items() if isinstance(value, kind)]


def _label_file(store: Store, folder: Path, model: str) -> None:
    path = folder / f"{model}.csv"
    lines = [f"{prediction_id(model, row)},{truth}" for row, truth in enumerate(LIVE.truth) if truth is not None]
    path.write_text("\n".join(["prediction_id,label", *lines]))
    load_labels(store, label_rows(read(path), "prediction_id", "label"), model=model, source=path.name)


def replayed(bench: Bench, access: Access, model: str) -> None:
    """A file of past predictions, read and turned into records as `modelspan replay` does."""
    first = pd.Timestamp.now("UTC").floor("s") - pd.Timedelta(minutes=2)
    frame = sdk.pandas_frame(LIVE).assign(
        id=[prediction_id(model, row) for row in range(ROWS)],
        time=[first + pd.Timedelta(milliseconds=10 * row) for row in range(ROWS)],
        score=LIVE.score,
        predicted=list(LIVE.predicted),
        truth=list(LIVE.truth),
        part="live",
        **{name: list(column) for name, column in LIVE.tags.items()},
    )
    path = bench.data / f"{model}.parquet"
    pd.concat([frame.iloc[:1].assign(part="before"), frame]).to_parquet(path, index=False)
    roles = Roles("predicted", "score", "truth", "id", "time", tuple(LIVE.tags))
    history = split(read(path, roles.texts), roles, "part=before")
    ids, times = (history.live[name].combine_chunks() for name in ("id", "time"))
    port = bench.collector(access).http_port
    sent = prediction_records(history.live, history.columns, ids, times)
    post_event(port, access.headers, "modelspan.predictions", sent, model, VERSION)
    known = label_records(history.live, "truth", ids, times)
    post_event(port, access.headers, "modelspan.labels", known, model, VERSION)


# --- what of the rows arrives ------------------------------------------------------------------------


def _unsaid(rows: Rows) -> Rows:
    """A missing value has no attribute, so nothing says that it is missing."""
    return replace(rows, unsaid=frozenset(rows.features))


def _numbered(rows: Rows) -> Rows:
    """Zones as numbers: a Parquet file has no category of integers."""
    zones = np.array([float(str(zone)) for zone in rows.categorical["zone"]])
    return replace(rows.without("zone"), numeric={**rows.numeric, "zone": zones})


def _inferred(rows: Rows) -> Rows:
    """All attributes are texts, and those that read as numbers are taken for such."""
    return _numbered(_unsaid(rows))


def _floats(rows: Rows) -> Rows:
    """A matrix has one type, and none for texts."""
    return rows.without(*rows.categorical)


SOURCES: Sequence[Source] = (
    Source("single call", sdk.rows_by(sdk.plain_calls, sdk.label_one_by_one)),
    Source("async call", sdk.rows_by(sdk.async_calls)),
    Source("stream", sdk.rows_by(sdk.streams)),
    Source("block of code", sdk.rows_by(sdk.blocks_of_code)),
    Source("pandas", sdk.tables_of(sdk.pandas_frame)),
    Source("polars", sdk.tables_of(sdk.polars_frame, sdk.polars_answer)),
    Source("arrow", sdk.tables_of(sdk.arrow_table, sdk.arrow_answer)),
    Source("numpy columns", sdk.tables_of(sdk.numpy_columns)),
    Source("numpy matrix", sdk.tables_of(sdk.numpy_matrix, feature_names=sdk.FLOATS), _floats),
    Source("list of dicts", sdk.tables_of(sdk.list_of_rows)),
    Source("estimator", sdk.tables_of(sdk.pandas_frame, instrumented=True)),
    Source("pandas over gRPC", sdk.tables_of(sdk.pandas_frame, grpc=True)),
    Source("plain spans", partial(plain_spans, over_http), _unsaid),
    Source("plain spans over gRPC", partial(plain_spans, over_grpc), _unsaid),
    Source("plain spans as JSON", partial(plain_spans, as_json), _unsaid),
    Source("exporter's insert", exporters_rows, _inferred, gated=False),
    Source("import", inserted_rows, gated=False),
    Source("replay", replayed, _numbered, traced=False),
    Source("forwarded", forwarded),
)
