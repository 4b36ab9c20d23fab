"""Keys of segments that come and go while rows are written."""

from __future__ import annotations

import threading

import pyarrow as pa

from modelspan_collector.store.connect import Store
from modelspan_collector.store.segments import keep_segments

KEYS = ("tag.country", "tag.plan")
COUNTED = """
SELECT segment, sumIf(rows, kind = 'rows') AS counted, sumIf(rows, feature = 'amount') AS amounts
FROM feature_profiles WHERE segment != '' GROUP BY segment
"""


def write(store: Store, rows: int = 20) -> None:
    """Rows that came without sketches, each with a number and both tags."""
    columns = {
        "model": ["m"] * rows,
        "version": ["1"] * rows,
        "timestamp": pa.array([0] * rows, pa.timestamp("ns", "UTC")),
        "numeric_features": pa.array([[("amount", 1.0)]] * rows, pa.map_(pa.string(), pa.float64())),
        "tags": pa.array([[("country", "DE"), ("plan", "a")]] * rows, pa.map_(pa.string(), pa.string())),
    }
    store.insert("predictions", pa.table(columns))


def test_a_slice_whose_rows_are_all_sketched_has_all_of_its_features(store: Store) -> None:
    """Readers tell by the count of rows whether a slice's sketches are whole: of no feature fewer were seen then."""
    over = threading.Event()

    def keep_writing() -> None:
        while not over.is_set():
            write(store)

    writer = threading.Thread(target=keep_writing)
    writer.start()
    try:
        for keys in (KEYS, (), KEYS[:1], KEYS):
            keep_segments(store, keys)
    finally:
        over.set()
        writer.join()
    write(store)
    counted = store.rows(COUNTED)
    assert {row["segment"] for row in counted} == {"tag.country=DE", "tag.plan=a"}
    assert all(row["amounts"] >= row["counted"] > 0 for row in counted)
