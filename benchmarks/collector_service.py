"""One process of the benchmark: the collector with its embedded store, and the store's HTTP endpoint for whoever
writes to it.

Prints one JSON line with its ports when ready, then answers each line on stdin: `flush` with the rows of every table,
`stop` by ending.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from modelspan_collector.config import CollectorConfig
from modelspan_collector.service import Collector
from modelspan_collector.sqlhttp.server import SqlServer
from modelspan_collector.store import schema
from modelspan_collector.store.connect import connect

TABLES = ("otel_traces", "otel_logs", "predictions")


def main(folder: Path) -> None:
    store = connect(f"chdb://{folder / 'store'}")
    schema.apply(store)
    collector = Collector(store, CollectorConfig(data=folder / "data", grpc_port=0, http_port=0))
    sql = SqlServer(store, port=0, writable=True)
    collector.start()
    sql.start()
    print(json.dumps({"http": collector.http_port, "grpc": collector.grpc_port, "sql": sql.port}), flush=True)
    for line in sys.stdin:
        if line.strip() != "flush":
            break
        collector.flush(timeout=120)
        print(json.dumps({table: store.scalar(f"SELECT count() FROM {table}") for table in TABLES}), flush=True)
    sql.stop()
    collector.stop()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
