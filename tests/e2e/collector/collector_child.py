"""A collector in a process of its own, to be killed: prints its port when ready; on `count` it flushes and prints
what is stored. Arguments: its folder, its port (0: a free one), and where it forwards to.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from modelspan_collector.config import CollectorConfig
from modelspan_collector.forward.destination import parse
from modelspan_collector.service import Collector
from modelspan_collector.store import schema
from modelspan_collector.store.connect import connect
from modelspan_collector.store.segments import keep_segments

COUNTS = {
    "spans": "SELECT groupArray(SpanAttributes['n']) FROM otel_traces",
    "logs": "SELECT groupArray(Body) FROM otel_logs",
    "points": "SELECT groupArray(toString(toUInt64(Value))) FROM otel_metrics_gauge",
    "predictions": "SELECT groupArray(prediction_id) FROM predictions",
    "sketched": (
        "SELECT [sum(rows), (SELECT sum(rows) FROM feature_profile_days WHERE kind = 'rows' AND segment = '')]"
        " FROM feature_profiles WHERE kind = 'rows' AND segment = ''"
    ),
    "sliced": (
        "SELECT arraySort(groupArray((segment, n))) FROM ("
        " SELECT segment, sum(rows) AS n FROM feature_profiles WHERE kind = 'rows' AND segment != '' GROUP BY segment)"
    ),
    "slices": (
        "SELECT arraySort(groupArray((segment, n))) FROM ("
        " SELECT arrayJoin([concat('tag.city=', tags['city']), concat('tag.plan=', tags['plan']),"
        " concat('feature.n=', toString(numeric_features['n']))]) AS segment, count() AS n"
        " FROM predictions GROUP BY segment)"
    ),
}


def main(folder: Path, port: int, forward: list[str]) -> None:
    store = connect(f"chdb://{folder / 'store'}")
    schema.apply(store)
    keep_segments(store, ("tag.city", "tag.plan", "feature.n"))
    config = CollectorConfig(
        folder / "data",
        grpc_port=0,
        http_port=port,
        segment_seconds=0.05,
        segment_bytes=1 << 18,
        forward=tuple(map(parse, forward)),
    )
    collector = Collector(store, config)
    collector.start()
    print(json.dumps({"http": collector.http_port}), flush=True)
    try:
        for line in sys.stdin:
            if line.strip() == "count":
                collector.flush(timeout=300)
                print(json.dumps({name: store.scalar(sql) for name, sql in COUNTS.items()}), flush=True)
    finally:
        collector.stop()  # the engine must not end under a thread that inserts


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])
