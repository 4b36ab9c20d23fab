"""How often `why` names the true cause: random systems, one hidden cause each, ranked from their traces alone.

python benchmarks/why.py --scenarios 120 --predictions 200000 --seed 1 --json
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
from why_causes import CAUSES, Injection, Truth
from why_emit import Emission
from why_systems import END, HOURS, System, build

from modelspan_analyzer.results import Window
from modelspan_analyzer.why import Cause, Explanation, Finding, explain
from modelspan_collector.store import schema
from modelspan_collector.store.connect import Store, connect

TABLES = ("otel_traces", "otel_traces_trace_id_ts", "otel_logs", "predictions", "labels")


@dataclass(frozen=True)
class Outcome:
    """One scenario and what was said of it."""

    scenario: int
    kind: str
    finding: str
    rank: int
    """Of the true cause, from 1; 0 when it was not named. Without a cause: 1 when nothing was named, else 0."""
    seconds: float
    spans: int
    sentence: str


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenarios", type=int, default=120)
    parser.add_argument("--predictions", type=int, default=200_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="one kind of cause")
    parser.add_argument("--dsn", default="", help="a store to use; default: an embedded one in a temporary folder")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--verbose", action="store_true", help="print every scenario to stderr")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        store = connect(arguments.dsn or f"chdb://{folder}/store", "why_benchmark")
        schema.apply(store)
        drop_views(store)
        outcomes = []
        for outcome in scenarios(store, arguments.scenarios, arguments.predictions, arguments.seed, arguments.only):
            outcomes.append(outcome)
            if arguments.verbose:
                print(f"{outcome.rank} {outcome.seconds:.2f} s {outcome.kind}: {outcome.sentence}", file=sys.stderr)
    summary = score(outcomes)
    if arguments.json:
        print(json.dumps({"summary": summary, "scenarios": [asdict(outcome) for outcome in outcomes]}, indent=2))
    else:
        for name, value in summary.items():
            print(f"{name:<24} {value}")
    return 0


def scenarios(store: Store, count: int, predictions: int, seed: int, only: str = "") -> Iterator[Outcome]:
    """Build, store and explain one random system after the other, the causes in turn."""
    for number in range(count):
        inject = CAUSES[number % len(CAUSES)]
        if only and inject.__name__ != only:
            continue
        system = build(np.random.default_rng([seed, number]), predictions)
        injection = inject(system)
        spans = fill(store, system)
        begun = time.perf_counter()
        said = explain(store, finding(system, injection))
        seconds = time.perf_counter() - begun
        yield Outcome(number, injection.kind, injection.finding, judge(said, injection), seconds, spans, said.sentence)


def drop_views(store: Store) -> None:
    """Drop what copies arriving spans into other tables: the benchmark fills those itself, at half the time."""
    for view in store.rows(
        "SELECT name FROM system.tables WHERE database = currentDatabase() AND engine = 'MaterializedView'"
    ):
        store.command(f"DROP VIEW {view['name']}")


def fill(store: Store, system: System) -> int:
    """Replace the store's content by the system's, and return the number of spans."""
    for table in TABLES:
        store.command(f"TRUNCATE TABLE {table}")
    emission, count = Emission(system), 0
    for group in emission.spans():
        store.insert("otel_traces", group.table(emission.trace_ids))
        count += len(group.rows)
    predictions = emission.predictions()
    store.insert("predictions", predictions)
    store.insert("labels", emission.labels(predictions))
    store.insert("otel_logs", emission.logs())
    while store.scalar("SELECT count() FROM system.merges WHERE database = currentDatabase()"):
        time.sleep(0.05)  # what is timed is the answer, not the engine tidying up after a million rows at once
    return count


def finding(system: System, injection: Injection) -> Finding:
    """What a monitor would have raised at the end of the simulated hours."""
    end = datetime.fromtimestamp(END / 1e9, UTC)
    kind = "drift" if injection.finding == "categorical_drift" else injection.finding
    return Finding(system.model, Window(end - timedelta(hours=HOURS / 2), end), kind, feature=injection.feature)


def judge(said: Explanation, injection: Injection) -> int:
    """The rank of the true cause."""
    if not injection.truth:
        return int(not said.causes)
    ranks = (
        place for place, cause in enumerate(said.causes, 1) if any(names(cause, truth) for truth in injection.truth)
    )
    return next(ranks, 0)


def names(cause: Cause, truth: Truth) -> bool:
    """Whether a cause is the true one: its own service, and the attribute and value or the kind of fact."""
    if cause.service != truth.service:
        return False
    if truth.attributes:
        return cause.attribute in truth.attributes and cause.value.startswith(truth.value)
    span = {"fetch": "GET ", "": ""}.get(truth.span, truth.span)
    return cause.kind in truth.kinds and cause.span_name.startswith(span)


def score(outcomes: list[Outcome]) -> dict[str, float | int | dict[str, str]]:
    """Shares of scenarios that were answered well, and how long an answer took."""
    caused = [outcome for outcome in outcomes if outcome.kind != "none"]
    quiet = [outcome for outcome in outcomes if outcome.kind == "none"]
    by_kind: dict[str, list[int]] = defaultdict(list)
    for outcome in outcomes:
        by_kind[outcome.kind].append(outcome.rank)
    seconds = sorted(outcome.seconds for outcome in outcomes)
    return {
        "scenarios": len(outcomes),
        "top_1": _share([outcome.rank == 1 for outcome in caused]),
        "top_3": _share([1 <= outcome.rank <= 3 for outcome in caused]),
        "nothing_found": _share([outcome.rank == 1 for outcome in quiet]),
        "median_seconds": round(float(np.median(seconds)), 3),
        "max_seconds": round(seconds[-1], 3),
        "median_spans": int(np.median([outcome.spans for outcome in outcomes])),
        "first_by_kind": {kind: f"{sum(rank == 1 for rank in ranks)}/{len(ranks)}" for kind, ranks in by_kind.items()},
    }


def _share(good: list[bool]) -> float:
    return round(sum(good) / len(good), 4) if good else float("nan")


if __name__ == "__main__":
    sys.exit(main())
