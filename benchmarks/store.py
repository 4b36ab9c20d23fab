"""What a table of predictions costs and gives, by how it is laid out: an insert, a merge, the disk, and what reads it.

    python benchmarks/store.py [--rows 500000] [--json]

Each layout is a table of its own in one embedded store, filled with the same blocks in turn, round after round, so that
a busy machine meets them all alike. Times are CPU of the whole process, the least of the rounds.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa

from modelspan import conventions
from modelspan_collector.store import schema
from modelspan_collector.store.connect import Store, connect
from modelspan_collector.write import predictions, rows
from modelspan_collector.write.insert import ONE_BLOCK

BLOCK: Final = 50_000
ROUNDS: Final = 3
RARE: Final = ("role", "scores", "error_type", "null_features", "embeddings", "attributions", "tags")

Change = Callable[[str], str]


def _without(*columns: str) -> Change:
    def change(ddl: str) -> str:
        return "\n".join(line for line in ddl.splitlines() if not line.split()[:1] or line.split()[0] not in columns)

    return change


LAYOUTS: Final[dict[str, Change]] = {
    "as it is": lambda ddl: ddl,
    "ZSTD(1) throughout": lambda ddl: ddl.replace("LZ4", "ZSTD(1)"),
    "LZ4 throughout": lambda ddl: ddl.replace("ZSTD(1)", "LZ4"),
    "LZ4 for all maps": lambda ddl: "\n".join(
        line.replace("ZSTD(1)", "LZ4") if " Map(" in line else line for line in ddl.splitlines()
    ),
    "ZSTD(3) throughout": lambda ddl: ddl.replace("ZSTD(1)", "ZSTD(3)").replace("LZ4", "ZSTD(3)"),
    "times by double delta": lambda ddl: ddl.replace("Delta(8), ZSTD(1)", "DoubleDelta, ZSTD(1)"),
    "value and duration by Gorilla": lambda ddl: ddl.replace(
        "Nullable(Float64) CODEC(ZSTD(1))", "Nullable(Float64) CODEC(Gorilla, ZSTD(1))"
    ),
    "without columns that are mostly empty": _without(*RARE),
    "without indexes": lambda ddl: (
        _without("INDEX")(ddl)
        .replace("false in a copy of it\n)", "\n)")
        .replace("sketched             Bool, ", "sketched             Bool ")
    ),
    "one part a file": lambda ddl: ddl.replace("SETTINGS ", "SETTINGS min_bytes_for_wide_part = 10000000000, "),
    "maps in buckets": lambda ddl: ddl.replace(
        "SETTINGS ", "SETTINGS map_serialization_version = 'with_buckets', map_buckets_min_avg_size = 8, "
    ),
}
READS: Final = {
    "hourly counts": "SELECT toStartOfHour(timestamp) AS hour, count(), countIf(error_type != ''),"
    " quantile(0.95)(duration) FROM {table} WHERE model = 'bench' GROUP BY hour",
    "one feature": "SELECT avgIf(numeric_features['number_03'], mapContains(numeric_features, 'number_03'))"
    " FROM {table} WHERE model = 'bench'",
    "all features": "SELECT name, quantiles(0.1, 0.5, 0.9)(number) FROM {table}"
    " ARRAY JOIN mapKeys(numeric_features) AS name, mapValues(numeric_features) AS number GROUP BY name",
    "newest 50": "SELECT * FROM {table} WHERE model = 'bench' ORDER BY timestamp DESC LIMIT 50",
}


def blocks(count: int) -> list[tuple[bytes, list[str]]]:
    """Inserts of half-realistic predictions: whole numbers, amounts, measurements, and categories."""
    made = []
    for number in range(count):
        generator = np.random.default_rng(number)
        columns: dict[str, pa.Array] = {
            "timestamp": pa.array(time.time_ns() + np.arange(BLOCK) * 1_000_000, pa.timestamp("ns", "UTC")),
            "prediction_id": pa.array([each.hex() for each in _ids(generator, 16)]),
            "trace_id": pa.array(_ids(generator, 16), pa.binary(16)),
            "span_id": pa.array(_ids(generator, 8), pa.binary(8)),
            "value": pa.array(generator.random(BLOCK)),
            "label": pa.array(generator.choice(["yes", "no"], BLOCK)).dictionary_encode(),
            "duration": pa.array(generator.exponential(0.01, BLOCK).round(6)),
        }
        for place in range(30):
            name = f"feature.number_{place:02d}"
            if place % 6 == 5:
                columns[name] = pa.array(generator.choice(["gold", "silver", "none"], BLOCK)).dictionary_encode()
            elif place % 3 == 0:
                columns[name] = pa.array(generator.poisson(20, BLOCK).astype(np.float64))
            elif place % 3 == 1:
                columns[name] = pa.array(generator.lognormal(4, 1, BLOCK).round(2))
            else:
                columns[name] = pa.array(generator.normal(size=BLOCK))
        names = {"modelspan.schema": "1", "modelspan.model.name": "bench", "modelspan.model.version": "1"}
        table = pa.table(columns).replace_schema_metadata(names)
        received = pa.array(np.full(BLOCK, time.time_ns()))
        part = rows.CONVERT[conventions.EVENT_PREDICTIONS](table, received, "scoring", "").rows
        made.append(predictions.block([part]))
    return made


def _ids(generator: np.random.Generator, width: int) -> list[bytes]:
    raw = generator.bytes(width * BLOCK)
    return [raw[at : at + width] for at in range(0, len(raw), width)]


def measure(store: Store, total: int) -> dict[str, dict[str, float]]:
    """CPU microseconds a row of inserts and merges, bytes a row, and CPU milliseconds of the reads, by layout."""
    template = next(ddl for file, ddl in schema.statements() if file.startswith("010_"))
    tables = {}
    for number, (layout, change) in enumerate(LAYOUTS.items()):
        tables[layout] = f"layout_{number}"
        store.command(change(template).replace("NOT EXISTS predictions", f"NOT EXISTS {tables[layout]}"))
        store.command(f"SYSTEM STOP MERGES {tables[layout]}")
    took: dict[str, dict[str, list[float]]] = {layout: {} for layout in LAYOUTS}
    for body, columns in blocks(total // BLOCK):
        for layout, table in tables.items():
            given = [] if "without columns" in layout else columns
            _time(took[layout], "insert", partial(_insert, store, table, body, given))
    for _ in range(ROUNDS):
        for layout, table in tables.items():
            for name, sql in READS.items():
                asked = sql.replace("countIf(error_type != '')", "0") if "without columns" in layout else sql
                _time(took[layout], name, partial(store.rows, asked.format(table=table)))
    for layout, table in tables.items():
        store.command(f"SYSTEM START MERGES {table}")
        _time(took[layout], "merge", partial(store.command, f"OPTIMIZE TABLE {table} FINAL"))
    sizes = store.rows(
        "SELECT table, sum(bytes_on_disk) / sum(rows) AS size FROM system.parts WHERE active GROUP BY table"
    )
    size = {row["table"]: float(row["size"]) for row in sizes}
    return {
        layout: {
            "insert": round(float(np.median(found["insert"])) / BLOCK * 1e6, 2),
            "merge": round(found["merge"][0] / total * 1e6, 2),
            "bytes": round(size[tables[layout]], 1),
            **{name: round(min(found[name]) * 1e3, 1) for name in READS},
        }
        for layout, found in took.items()
    }


def _insert(store: Store, table: str, body: bytes, columns: list[str]) -> None:
    settings = {
        **ONE_BLOCK,
        "insert_deduplication_token": os.urandom(8).hex(),
        "input_format_skip_unknown_fields": int(not columns),
    }
    store.insert_bytes(table, body, "Native", settings=settings, columns=columns)


def _time(took: dict[str, list[float]], name: str, act: Callable[[], object]) -> None:
    begun = time.process_time()
    act()
    took.setdefault(name, []).append(time.process_time() - begun)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=500_000)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        store = connect(f"chdb://{Path(folder) / 'store'}")
        schema.apply(store)
        results = measure(store, options.rows)
        store.close()
    if options.json:
        print(json.dumps(results))
        return
    names = list(next(iter(results.values())))
    print("| layout |", " | ".join(names), "|")
    print("|---|" + "---|" * len(names))
    for layout, found in results.items():
        print("|", layout, "|", " | ".join(f"{value:g}" for value in found.values()), "|")


if __name__ == "__main__":
    main()
