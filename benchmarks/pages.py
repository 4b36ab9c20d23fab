"""How long pages take over a store of many models, and how many times a bare page that asks for `SELECT 1`.

    python benchmarks/pages.py [--models N] [--features N] [--windows N] [--predictions N] [--times N] [--json]

The full size is `--models 300 --features 500 --windows 96 --predictions 20000000`. What is printed is ratios, as the
machine's other work slows both alike; seconds stand beside them.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
import urllib.request
from datetime import UTC, datetime
from urllib.parse import urlencode

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from modelspan_analyzer.config.settings import MonitorsConfig
from modelspan_analyzer.web.asking import application
from modelspan_analyzer.web.pages.table import page_routes
from modelspan_collector.serve import AsgiServer
from modelspan_collector.store import schema
from modelspan_collector.store.connect import Store, connect

END = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
RUNS = """
INSERT INTO monitor_runs (run_id, model, version, monitor, window_start, window_end, scheduled, started, ended, outcome)
SELECT concat('r', toString(number)), concat('model-', toString(intDiv(number, {windows:UInt32}))), '1', '',
       {end:DateTime('UTC')} - toIntervalHour(number % {windows:UInt32} + 1) AS start, start + INTERVAL 1 HOUR,
       start, start, start, 'done'
FROM numbers({models:UInt32} * {windows:UInt32})
"""
RESULTS = """
INSERT INTO monitor_results
    (model, version, window_start, window_end, signal, metric, feature, value, threshold, direction, verdict, n,
     n_baseline, monitor, reason, details)
WITH ['psi', 'jensen_shannon_distance', 'wasserstein_distance', 'null_rate', 'out_of_range_rate',
      'type_error_rate'] AS metrics,
     metrics[number % 6 + 1] AS measured, intDiv(number, 6) % {features:UInt32} AS place,
     intDiv(number, 6 * {features:UInt32}) % {windows:UInt32} AS window
SELECT {model:String}, '1', {end:DateTime('UTC')} - toIntervalHour(window + 1) AS start, start + INTERVAL 1 HOUR,
       if(number % 6 < 3, 'data_drift', 'data_quality'), measured, concat('feature_', toString(place)),
       (cityHash64(number) % 1000) / 9000., 0.1, 'above', if((cityHash64(number) % 1000) > 900, 'alarm', 'ok'), 5000,
       4000, if(number % 6 < 3, 'data_drift', 'data_quality'), 'a sentence of a usual length that says why it is so',
       if(measured = 'psi', {details:String}, '{}')
FROM numbers({windows:UInt32} * {features:UInt32} * 6)
"""
PREDICTIONS = """
INSERT INTO predictions (model, version, service, timestamp, prediction_id, value, duration, numeric_features)
SELECT concat('model-', toString(number % {models:UInt32})), '1', 'scoring',
       {end:DateTime('UTC')} - toIntervalSecond(cityHash64(number) % ({windows:UInt32} * 3600)) AS at,
       toString(number), (cityHash64(number, 1) % 1000) / 1000., 0.01,
       mapFromArrays(arrayMap(i -> concat('feature_', toString(i)), range({features:UInt32})),
                     arrayMap(i -> (cityHash64(number, i) % 1000) / 1000., range({features:UInt32})))
FROM numbers({first:UInt64}, {rows:UInt64})
"""
DETAILS = {
    "bins": [f"({place}, {place + 1}]" for place in range(10)] + ["(text or infinite)", "(missing)"],
    "baseline": [0.1] * 10 + [0.0, 0.0],
    "window": [0.08] * 10 + [0.0, 0.2],
    "importance": 0.5,
    "priority": 0.02,
}
PAGES = {
    "fleet": ("/", {}),
    "fleet.json": ("/index.json", {}),
    "model": ("/model", {"model": "model-1"}),
    "one signal": ("/model", {"model": "model-1", "signal": "data_quality"}),
    "feature": ("/feature", {"model": "model-1", "feature": "feature_1"}),
    "compare": ("/compare", {"model": "model-1", "with": "before", "since": "12h"}),
}


def fill(store: Store, args: argparse.Namespace) -> None:
    sizes = {"windows": args.windows, "features": args.features, "models": args.models, "end": END}
    store.command(RUNS, sizes)
    for place in range(args.models):
        given = {**sizes, "model": f"model-{place}", "details": json.dumps(DETAILS)}
        store.command(RESULTS, given)
    step = max(1000, 2_000_000 // args.features)
    for first in range(0, args.predictions, step):
        store.command(PREDICTIONS, {**sizes, "first": first, "rows": min(step, args.predictions - first)})


def bare(store: Store) -> Route:
    async def answer(_: Request) -> Response:
        return PlainTextResponse(str(await run_in_threadpool(store.scalar, "SELECT 1")))

    return Route("/bare", answer)


def timed(url: str) -> tuple[float, float, int]:
    """Seconds on the clock, and of processors: the engine is in this process, so these are all that it worked."""
    begun, worked = time.perf_counter(), time.process_time()
    with urllib.request.urlopen(url, timeout=300) as answer:
        size = len(answer.read())
    return time.perf_counter() - begun, time.process_time() - worked, size


def measure(address: str, times: int) -> dict[str, dict[str, float]]:
    """Each page beside the bare one, in turn, so that what else the machine does slows both."""
    found = {}
    for name, (path, given) in PAGES.items():
        url = f"{address}{path}?{urlencode(given)}" if given else address + path
        timed(url)
        pairs = [(timed(url), timed(f"{address}/bare")[0]) for _ in range(times)]
        seconds, plain = [page[0] for page, _ in pairs], [each for _, each in pairs]
        middle = statistics.median(seconds)
        found[name] = {
            "ratio": middle / statistics.median(plain),
            "median_ms": 1000 * middle,
            "p95_ms": 1000 * sorted(seconds)[int(0.95 * (len(seconds) - 1))],
            "worked_ms": 1000 * statistics.median(page[1] for page, _ in pairs),
            "bytes": pairs[0][0][2],
        }
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=int, default=20)
    parser.add_argument("--features", type=int, default=50)
    parser.add_argument("--windows", type=int, default=24)
    parser.add_argument("--predictions", type=int, default=20_000)
    parser.add_argument("--times", type=int, default=15)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        store = connect(f"chdb://{folder}/store")
        schema.apply(store)
        fill(store, args)
        server = AsgiServer(application([], [bare(store), *page_routes(store, MonitorsConfig())]), "127.0.0.1", 0)
        server.start()
        found = measure(f"http://127.0.0.1:{server.port}", args.times)
        server.stop()
        store.close()
    if args.json:
        print(json.dumps(found))
        return
    print(f"{args.models} models, {args.features} features, {args.windows} windows, {args.predictions:,} predictions")
    for name, one in found.items():
        print(
            f"{name:<12} {one['ratio']:7.1f} × SELECT 1   median {one['median_ms']:7.0f} ms   "
            f"p95 {one['p95_ms']:7.0f} ms   processors {one['worked_ms']:7.0f} ms   {one['bytes'] / 1000:7.0f} kB"
        )


if __name__ == "__main__":
    main()
