"""A coverage-guided fuzzer for the JSON and Arrow decoders: `pip install atheris`, then `python fuzz_collector.py
json -max_total_time=60`.

The first argument chooses the decoder (`json`, `protobuf`, `arrow`), the rest is libFuzzer's. Any exception but the
documented refusals ends it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

import atheris

with atheris.instrument_imports(include=["modelspan_collector"]):
    from modelspan_collector.otlp import wire
    from modelspan_collector.otlp.errors import RefusedError
    from modelspan_collector.otlp.signals import LOGS, TRACES
    from modelspan_collector.receive import decode
    from modelspan_collector.write import predictions, rows, stream

import pyarrow as pa


def json(data: bytes) -> None:
    for signal in (TRACES, LOGS):
        try:
            decode.json(signal, data)
        except RefusedError:
            continue


def protobuf(data: bytes) -> None:
    try:
        list(wire.rows(decode.protobuf(TRACES, data).body + wire.tenant_field(""), 1))
    except RefusedError:
        return


def arrow(data: bytes) -> None:
    try:
        table = stream.read("modelspan.predictions", data).table
    except stream.StreamError:
        return
    predictions.block([rows.predictions(table, pa.array([1] * table.num_rows, pa.int64()), "", "").rows])


TARGETS: dict[str, Callable[[bytes], None]] = {"json": json, "protobuf": protobuf, "arrow": arrow}

if __name__ == "__main__":
    target = TARGETS[sys.argv.pop(1)]
    atheris.Setup(sys.argv, target)
    atheris.Fuzz()
