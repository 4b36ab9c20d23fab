"""What each step of a prediction record's way costs, and the floor: the same columns, plain, into a plain wide table.

Run by `collector.py` (`--steps` prints all of it), in one process with an embedded store, one thread of ours.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import collector_load as load
import numpy as np
import pyarrow as pa

from modelspan import conventions
from modelspan_collector.otlp.signals import LOGS
from modelspan_collector.store import schema
from modelspan_collector.store.connect import Store, connect
from modelspan_collector.write import native, predictions, rows, sketches, stream
from modelspan_collector.write.insert import ONE_BLOCK

STREAMS = 50
ROUNDS = 4
Made = TypeVar("Made")


def measure() -> dict[str, float]:
    """CPU microseconds a row, of every step and of the floor: the least of a few rounds."""
    bodies = [load.predictions(seed=number).fresh() for number in range(STREAMS)]
    with tempfile.TemporaryDirectory() as folder:
        store = connect(f"chdb://{Path(folder) / 'store'}")
        schema.apply(store)
        try:
            return _measure(store, bodies)
        finally:
            store.close()


def _measure(store: Store, bodies: list[bytes]) -> dict[str, float]:
    took: dict[str, float] = {}

    def step(name: str, act: Callable[[], Made]) -> Made:
        for _ in range(ROUNDS):
            begun = _cpu()
            made = act()
            took[name] = min(took.get(name, np.inf), _cpu() - begun)
        return made

    def insert(table: str, block: tuple[bytes, list[str]]) -> Callable[[], None]:
        body, columns = block
        return lambda: store.insert_bytes(table, body, "Native", settings={**ONE_BLOCK, **_fresh()}, columns=columns)

    requests = step("parse", lambda: [LOGS.request.FromString(body) for body in bodies])
    events = [request.resource_logs[0].scope_logs[0].log_records[0] for request in requests]
    tables = step(
        "read and check", lambda: [stream.read(each.event_name, each.body.bytes_value).table for each in events]
    )
    whole = step("put together", lambda: pa.concat_tables(tables).combine_chunks())
    received = pa.array(np.full(whole.num_rows, time.time_ns()))
    part = step("convert", lambda: rows.CONVERT[conventions.EVENT_PREDICTIONS](whole, received, "scoring", "").rows)
    block = step("lay out", lambda: predictions.block([part]))
    step("insert", insert("predictions", block))
    sketched = step("sketch", lambda: sketches.block([part])[:2])
    step("insert sketches", insert(sketches.TABLE, sketched))
    wide = _wide(store, part)
    step("floor", insert("plain_wide", wide))
    return {name: round(seconds / whole.num_rows * 1e6, 2) for name, seconds in took.items()}


def _fresh() -> dict[str, Any]:
    return {"insert_deduplication_token": os.urandom(8).hex()}


def _wide(store: Store, part: predictions.Part) -> tuple[bytes, list[str]]:
    """A plain table with a plain column for each one that was sent, and the rows as a block of it."""
    columns = {
        "timestamp": native.numbers(part.timestamp, "DateTime64(9, 'UTC')"),
        "prediction_id": native.text(part.prediction_id),
        "trace_id": part.trace_id,
        "span_id": part.span_id,
        "value": native.numbers(part.value.to_numpy()),
        "label": native.chosen(part.label.entries, part.label.codes[0]),
        "duration": native.numbers(part.duration.to_numpy()),
        **{name: native.numbers(part.numeric.values[place]) for place, name in enumerate(part.numeric.names)},
        **{
            name: native.low_cardinality(part.categorical.entries, part.categorical.codes[place])
            for place, name in enumerate(part.categorical.names)
        },
    }
    defined = ", ".join(f"{name} {column.kind}" for name, column in columns.items())
    store.command(f"CREATE TABLE plain_wide ({defined}) ENGINE = MergeTree ORDER BY timestamp")
    return native.block(columns, part.rows), list(columns)


def _cpu() -> float:
    """CPU seconds of this process, the engine's threads included."""
    return time.process_time()
