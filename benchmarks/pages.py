"""How long pages take over a store of many models, and how many times a bare page that asks for `SELECT 1`.

    python benchmarks/pages.py [--models N] [--features N] [--windows N] [--predictions N] [--times N] [--pages NAME …]
                               [--keep FOLDER] [--readers N [--pause S] [--seconds S] [--quiet]] [--json]

The full size is `--models 300 --features 500 --windows 96 --predictions 20000000`; `pages_store.py` says what it is
filled with, and `--keep` names a folder in which the store is left, to be measured again. With `--readers`, so many ask
for pages at the same time, each looking at one for `--pause` seconds before the next, while the collector takes as many
predictions as it can (`--quiet`: none), which the bare page is read beside. What is printed is ratios, as
the machine's other work slows both alike; seconds stand beside them.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlencode

from pages_crowd import crowd, table
from pages_store import Size, fill
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from modelspan_analyzer.config.settings import MonitorsConfig
from modelspan_analyzer.web.asking import application
from modelspan_analyzer.web.pages.table import page_routes
from modelspan_collector.config import CollectorConfig
from modelspan_collector.serve import AsgiServer
from modelspan_collector.service import Collector
from modelspan_collector.store import schema
from modelspan_collector.store.connect import Store, connect

PAGES = {
    "fleet": ("/", {}),
    "fleet searched": ("/", {"q": "model-1"}),
    "fleet sorted": ("/", {"sort": "traffic", "page": "2"}),
    "fleet.json": ("/index.json", {}),
    "model": ("/model", {"model": "model-0"}),
    "model.json": ("/model.json", {"model": "model-0"}),
    "narrow model": ("/model", {"model": "{narrow}"}),
    "one signal": ("/model", {"model": "model-0", "signal": "data_quality"}),
    "feature": ("/feature", {"model": "model-0", "feature": "feature_1"}),
    "compare": ("/compare", {"model": "model-0"}),
    "with before": ("/compare", {"model": "model-0", "with": "before", "since": "12h"}),
    "with window": (
        "/compare",
        {"model": "model-0", "with": "window", "since": "6h", "other_since": "36h", "other_until": "{day_ago}"},
    ),
    "narrow compare": ("/compare", {"model": "{narrow}", "with": "before", "since": "12h"}),
    "incidents": ("/incidents", {}),
    "incident": ("/incidents/incident-0", {}),
    "prediction": ("/prediction", {"id": "model-0/7"}),
    "trace": ("/prediction", {"trace": "{trace}"}),
    "monitors": ("/monitors", {}),
    "sql": ("/sql", {}),
    "query": ("/sql", {"query": "SELECT model, count() FROM predictions GROUP BY model"}),
}
_TRACE = "SELECT TraceId FROM otel_traces ORDER BY Timestamp DESC LIMIT 1"


def addresses(store: Store, size: Size, chosen: Sequence[str]) -> dict[str, str]:
    """Each page's path with its query."""
    places = {
        "{narrow}": f"model-{size.models - 1}",
        "{day_ago}": (size.end - timedelta(days=1)).isoformat(),
        "{trace}": store.scalar(_TRACE),
    }
    found = {}
    for name, (path, given) in PAGES.items():
        asked = {key: places.get(value, value) for key, value in given.items()}
        if not chosen or name in chosen:
            found[name] = f"{path}?{urlencode(asked)}" if asked else path
    return found


def bare(store: Store) -> Route:
    async def answer(_: Request) -> Response:
        return PlainTextResponse(str(await run_in_threadpool(store.scalar, "SELECT 1")))

    return Route("/bare", answer)


def timed(url: str) -> tuple[float, float, int]:
    """Seconds on the clock, and of processors: the engine is in this process, so these are all that it worked."""
    begun, worked = time.perf_counter(), time.process_time()
    try:
        with urllib.request.urlopen(url, timeout=300) as answer:
            size = len(answer.read())
    except HTTPError as error:
        raise SystemExit(f"{url}: {error.read()[:1000].decode()}") from None
    return time.perf_counter() - begun, time.process_time() - worked, size


def measure(address: str, paths: dict[str, str], times: int) -> Iterator[tuple[str, dict[str, float]]]:
    """Each page beside the bare one, in turn, so that what else the machine does slows both."""
    for name, path in paths.items():
        first = timed(address + path)
        pairs = [(timed(address + path), timed(f"{address}/bare")) for _ in range(times)]
        seconds, plain = [page[0] for page, _ in pairs], [bare[0] for _, bare in pairs]
        worked, of_plain = (statistics.median(each[1] for each in one) for one in zip(*pairs, strict=True))
        middle = statistics.median(seconds)
        yield (
            name,
            {
                "ratio": middle / statistics.median(plain),
                "median_ms": 1000 * middle,
                "p95_ms": 1000 * sorted(seconds)[int(0.95 * (len(seconds) - 1))],
                "first_ms": 1000 * first[0],
                "worked_ms": 1000 * worked,
                "worked_ratio": worked / of_plain,
                "bytes": pairs[0][0][2],
            },
        )


@contextmanager
def filled(size: Size, keep: Path | None) -> Iterator[Store]:
    """A store with everything in it: a new one, or the one that was kept."""
    with tempfile.TemporaryDirectory() as folder:
        store = connect(f"chdb://{(keep or Path(folder)).resolve()}/store")
        schema.apply(store)
        if not store.scalar("SELECT count() FROM monitor_runs"):
            fill(store, size)
        yield store
        store.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=int, default=20)
    parser.add_argument("--features", type=int, default=50)
    parser.add_argument("--windows", type=int, default=48)
    parser.add_argument("--predictions", type=int, default=20_000)
    parser.add_argument("--times", type=int, default=15)
    parser.add_argument("--pages", nargs="*", default=[], choices=list(PAGES))
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--readers", type=int, default=0)
    parser.add_argument("--pause", type=float, default=10.0)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--quiet", action="store_true")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    size = Size.of(args)
    with filled(size, args.keep) as store:
        server = AsgiServer(application([], [bare(store), *page_routes(store, MonitorsConfig())]), "127.0.0.1", 0)
        server.start()
        address, paths = f"http://127.0.0.1:{server.port}", addresses(store, size, args.pages)
        for name, one in measure(address, paths, args.times) if not args.readers else ():
            print(json.dumps({"page": name, **one}) if args.json else _line(name, one), flush=True)
        if args.readers:
            _crowded(store, address, paths, args)
        server.stop()


def _crowded(store: Store, address: str, paths: dict[str, str], args: argparse.Namespace) -> None:
    for path in paths.values():  # the first look after a start reads all models, and is measured without readers
        timed(address + path)
    with tempfile.TemporaryDirectory() as folder:
        collector = Collector(store, CollectorConfig(data=Path(folder), grpc_port=0, http_port=0))
        collector.start()
        port = 0 if args.quiet else collector.http_port
        told = crowd(address, port, {**paths, "bare": "/bare"}, args.readers, args.pause, args.seconds)
        collector.stop()
    found, sent = told
    print(f"{args.readers} readers, {sent / args.seconds:,.0f} predictions a second taken meanwhile")
    for one in table(found):
        taken = f"median {one['median_ms']:6.0f} ms   p95 {one['p95_ms']:6.0f} ms"
        print(json.dumps(one) if args.json else f"{one['page']:<14} {one['pages']:4} pages   {taken}")


def _line(name: str, one: dict[str, float]) -> str:
    return (
        f"{name:<14} {one['ratio']:6.1f} × SELECT 1 (of processors {one['worked_ratio']:6.1f} ×)   median "
        f"{one['median_ms']:6.0f} ms   p95 {one['p95_ms']:6.0f} ms   first {one['first_ms']:6.0f} ms   "
        f"processors {one['worked_ms']:6.0f} ms   {one['bytes'] / 1000:6.0f} kB"
    )


if __name__ == "__main__":
    main()
