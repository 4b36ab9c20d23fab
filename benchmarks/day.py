"""A day of one model, with what happens on such days: what was found, how soon, by how many alerts, with which cause.

The services of `day_world.py` are written into a store window by window, and the default monitors look at each when it
is over, by a clock that is driven: nothing waits. Each event is followed by a calm stretch, in which its incident must
end.

    python benchmarks/day.py [--seed 1] [--events missing slow_pod ...] [--json]

For each event it prints: found (an alert within two windows, or none for what must not page), after how many windows,
alerts of its stretch, whether the true cause is named, whether all have resolved by the end of the calm stretch, and
what was said.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial

import numpy as np
import pyarrow as pa
from day_world import MODEL, World

from modelspan_analyzer.incidents import Incident, load
from modelspan_analyzer.monitors_yaml import parse
from modelspan_analyzer.respond import Responder
from modelspan_analyzer.runner import Runner
from modelspan_collector.store import schema
from modelspan_collector.store.connect import Store, connect

START = datetime(2026, 3, 2, 8, tzinfo=UTC)
LENGTH = timedelta(minutes=10)
CALM, EVENT, AFTER = 12, 4, 8
"""Windows before the first event, of an event, and after each."""
LABELS_AFTER = 1
"""Windows after which labels are in."""
CONFIG = f"""
version: 1
defaults:
  window: {{size: {LENGTH // timedelta(minutes=1)}m}}
  segments: [tag.region]
  fairness: {{facets: [region]}}
"""


@dataclass(frozen=True)
class Event:
    """Something that happens to the services."""

    begin: Callable[[World], None]
    end: Callable[[World], None]
    cause: str = ""
    """What the why has to name; empty where there is nothing to name."""
    pages: bool = True
    """Whether anybody is to be woken."""


def setting(**given: object) -> tuple[Callable[[World], None], Callable[[World], None]]:
    """A change of the world, and its way back."""
    usual = {name: getattr(World(np.random.default_rng(0)), name) for name in given}

    def change(world: World, to: dict[str, object]) -> None:
        for name, value in to.items():
            setattr(world, name, value)

    return partial(change, to=given), partial(change, to=usual)


def _promoted(world: World) -> None:
    world.shadow, world.versions = "", {"1.1": 1.0}


EVENTS = {
    "missing": Event(*setting(none=0.6), cause="feature-store"),
    "unit": Event(*setting(versions={"1.0": 0.2, "2.0": 0.8}, unit={"2.0": 0.01}), cause="scorer"),
    "slow_outside": Event(*setting(slow_gateway=0.4), pages=False),
    "slow_pod": Event(*setting(slow_pod=0.3), cause="scorer"),
    "recall": Event(*setting(confused="north"), cause="north"),
    "shadow": Event(setting(shadow="1.1")[0], _promoted, pages=False),
    "silence": Event(*setting(rate=0)),
    "encoding": Event(*setting(plans=("FREE", "BASIC", "PRO"))),
    "stuck": Event(*setting(stuck=True)),
    "errors": Event(*setting(errors=0.3)),
    "replica": Event(*setting(pods=3), pages=False),
    "clock": Event(*setting(skew=45.0), pages=False),
}


@dataclass
class Score:
    """How an event went."""

    found: bool
    windows: int
    """Until the first alert; -1 for none."""
    alerts: int
    cause: bool
    resolved: bool
    said: list[str] = field(default_factory=list)


class Day:
    """The services, the store and the analyzer of one run."""

    def __init__(self, store: Store, seed: int) -> None:
        config = parse(CONFIG)
        self.store, self.world, self.at = store, World(np.random.default_rng(seed)), START
        self.runner = Runner(store, config, respond=Responder(store, config), clock=lambda: self.at)
        self._labels: list[pa.Table] = []
        self.heard: dict[str, tuple[int, Incident]] = {}
        """Incidents that paged: the window in which they first did, and their newest state."""
        self.window = 0

    def step(self) -> None:
        """A window passes, and is looked at."""
        self._labels.append(self.world.serve(self.store, self.at, LENGTH))
        if len(self._labels) > LABELS_AFTER:
            self._label(self._labels.pop(0))
        self.at += LENGTH
        self.runner.once(self.at + timedelta(minutes=2))
        self.window += 1
        for one in load(self.store):
            if one.severity.value != "info" and one.role == "primary":
                first, _ = self.heard.get(one.incident_id, (self.window, one))
                self.heard[one.incident_id] = (first, one)

    def _label(self, rows: pa.Table) -> None:
        if rows.num_rows:
            stamp = pa.repeat(pa.scalar(self.at, pa.timestamp("ns", "UTC")), rows.num_rows)
            model = pa.repeat(pa.scalar(MODEL), rows.num_rows)
            self.store.insert("labels", rows.append_column("timestamp", stamp).append_column("model", model))

    def live(self, event: Event) -> Score:
        """Let an event happen and pass; how it was seen."""
        before, began = set(self.heard), self.window
        event.begin(self.world)
        for _ in range(EVENT):
            self.step()
        event.end(self.world)
        for _ in range(AFTER):
            self.step()
        new = sorted(
            ((first, one) for key, (first, one) in self.heard.items() if key not in before), key=lambda pair: pair[0]
        )
        delay = new[0][0] - began if new else -1
        cause = any(event.cause in f"{one.cause} {one.why} {one.title}" for _, one in new)
        return Score(
            found=(0 < delay <= 2) if event.pages else not new,
            windows=delay,
            alerts=sum(len(one.severities) for _, one in new),
            cause=cause if event.cause else True,
            resolved=all(one.status == "resolved" for _, one in new),
            said=[f"{one.severity.value}: {one.title}" for _, one in new],
        )


def run(seed: int, names: list[str]) -> Iterator[tuple[str, Score]]:
    """The scores of a day, event by event, and of its calm beginning."""
    with tempfile.TemporaryDirectory() as folder:
        store = connect(f"chdb://{folder}/store")
        schema.apply(store)
        day = Day(store, seed)
        for _ in range(CALM):
            day.step()
        calm = list(day.heard.values())
        yield "calm", Score(not calm, -1, len(calm), True, True, [one.title for _, one in calm])
        for name in names:
            yield name, day.live(EVENTS[name])
        store.close()


def main() -> int:
    """Run a day and print its scores."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--events", nargs="+", choices=list(EVENTS), default=list(EVENTS))
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    scores = {}
    for name, score in run(args.seed, args.events):
        scores[name] = asdict(score)
        if not args.json:
            told = f"found {score.found}  after {score.windows}  alerts {score.alerts}  cause {score.cause}"
            print(f"{name:<13} {told}  resolved {score.resolved}  {'; '.join(score.said)}", flush=True)
    if args.json:
        print(json.dumps(scores))
    return 0


if __name__ == "__main__":
    sys.exit(main())
