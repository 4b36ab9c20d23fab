"""Readers of pages, and what is sent to the collector meanwhile, each in a process of its own."""

from __future__ import annotations

import multiprocessing
import random
import statistics
import threading
import time
import urllib.request
from collections.abc import Mapping
from multiprocessing.pool import ThreadPool
from typing import Any

from collector_load import predictions, send


def crowd(
    address: str, port: int, paths: Mapping[str, str], readers: int, pause: float, seconds: float
) -> tuple[dict[str, list[float]], int]:
    """How long each page took that readers asked for, in turn, while predictions came as fast as they were taken.

    Args:
        address: of the pages.
        port: of the collector; 0 sends nothing.
        paths: by the pages' names.
        readers: who ask at the same time.
        pause: seconds that a reader looks at a page, on average, before the next.
        seconds: how long it lasts.

    Returns:
        Seconds by page, and the predictions that were acknowledged.
    """
    context = multiprocessing.get_context("spawn")
    over = context.Event()
    told = context.Queue()
    sender = context.Process(target=_send, args=(port, over, told))
    if port:
        sender.start()
    with context.Pool(1) as pool:
        found = pool.apply(_read, (address, dict(paths), readers, pause, seconds))
    over.set()
    sent = int(told.get(timeout=300)) if port else 0
    return found, sent


def table(found: Mapping[str, list[float]]) -> list[dict[str, Any]]:
    """Median and 95th percentile of each page, in milliseconds."""
    return [
        {
            "page": name,
            "pages": len(taken),
            "median_ms": 1000 * statistics.median(taken),
            "p95_ms": 1000 * sorted(taken)[int(0.95 * (len(taken) - 1))],
        }
        for name, taken in found.items()
        if taken
    ]


def _send(port: int, over: Any, told: Any) -> None:
    template, sent = predictions(), 0
    while not over.is_set():
        sent += send(port, template, 20 * template.items)
    told.put(sent)


def _read(address: str, paths: dict[str, str], readers: int, pause: float, seconds: float) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {name: [] for name in paths}
    lock, until = threading.Lock(), time.monotonic() + seconds

    def look(number: int) -> None:
        chance = random.Random(number)
        names = list(paths)
        time.sleep(chance.uniform(0, pause))
        while time.monotonic() < until:
            name = chance.choice(names)
            begun = time.perf_counter()
            with urllib.request.urlopen(address + paths[name], timeout=300) as answer:
                answer.read()
            with lock:
                found[name].append(time.perf_counter() - begun)
            time.sleep(chance.expovariate(1 / pause) if pause else 0)

    with ThreadPool(readers) as pool:
        pool.map(look, range(readers), chunksize=1)
    return found
