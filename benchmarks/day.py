"""A day of one model, with what happens on such days: what was found, how soon, by how many alerts, with which cause.

The services of `day_world.py` are written into a store window by window, and the default monitors look at each when it
is over, by a clock that is driven: nothing waits. Each of fourteen events is followed by a calm stretch, in which its
incident must end. An alert is an incident's severity that begins to fire, as Prometheus would see it.

    python benchmarks/day.py [--seed 1] [--seeds 1] [--events missing slow_pod ...] [--json]

For each event it prints: found (an alert within two windows, or none for what must not page), after how many windows,
alerts of its stretch, whether the true cause is named first ("none found" where there is none), whether it is as grave
as it should be, how many windows after the fix all had ended, and all that was said; then, of several seeds, the share
that is right on each count. A seed also gives the order of the events.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial

import numpy as np
import pyarrow as pa
from day_world import MODEL, World

from modelspan_analyzer.config.incident_settings import IncidentSettings
from modelspan_analyzer.incidents import Incident, load
from modelspan_analyzer.monitors_yaml import parse
from modelspan_analyzer.respond import Responder
from modelspan_analyzer.runner import Runner
from modelspan_collector.store import schema
from modelspan_collector.store.connect import Store, connect

START = datetime(2026, 3, 2, 8, tzinfo=UTC)
LENGTH = timedelta(minutes=10)
CALM, EVENT, AFTER = 16, 4, 8
"""Windows before the first event, of an event, and after each; batches come in the first of every four."""
LABELS_AFTER = 1
"""Windows after which labels are in."""
FOUND_WITHIN = 2
RESOLVE_AFTER = IncidentSettings().resolve_after
CONFIG = f"""
version: 1
defaults:
  window: {{size: {LENGTH // timedelta(minutes=1)}m}}
  segments: [tag.region]
  fairness: {{facets: [region]}}
"""
Change = Callable[[World], None]


@dataclass(frozen=True)
class Event:
    """Something that happens to the services."""

    begin: Change
    end: Change
    severity: str = ""
    """How grave it is; empty for what is to wake nobody."""
    cause: str = ""
    """What the incident's cause has to hold; empty where there is none to name."""
    restarts: bool = False
    """Whether modelspan restarts in each of its windows."""
    lag: int = 0
    """Windows later that it can be seen."""


def setting(**given: object) -> tuple[Change, Change]:
    """A change of the world, and its way back."""
    usual = {name: getattr(World(np.random.default_rng(0)), name) for name in given}

    def change(world: World, to: dict[str, object]) -> None:
        for name, value in to.items():
            setattr(world, name, value)

    return partial(change, to=given), partial(change, to=usual)


def _promoted(world: World) -> None:
    world.shadow, world.version = "", world.shadow


EVENTS = {
    "missing": Event(*setting(none=0.6), "critical", "feature-store"),
    "unit": Event(*setting(release=0.8), "critical", "service.version=2.4.0"),
    "slow_outside": Event(*setting(slow_gateway=0.4)),
    "slow_pod": Event(*setting(slow_pod=0.3), "warning", "scorer-0"),
    "recall": Event(*setting(missed="north"), "warning", "region=north", lag=LABELS_AFTER),
    "shadow": Event(setting(shadow="1.1")[0], _promoted),
    "silence": Event(*setting(rate=0), "critical"),
    "collector": Event(*setting(away=timedelta(minutes=3)), restarts=True),
    "encoding": Event(*setting(plans=("FREE", "BASIC", "PRO")), "critical"),
    "stuck": Event(*setting(stuck=True), "critical"),
    "errors": Event(*setting(errors=0.5), "critical"),
    "replica": Event(*setting(pods=3)),
    "clock": Event(*setting(skew=45.0)),
    "batch": Event(*setting(late=True), "warning"),
}
COUNTS = ("found", "one_alert", "cause", "severity", "resolved", "kept")


@dataclass
class Score:
    """How an event went."""

    found: bool
    """Within two windows of when it could be seen; for what must wake nobody, whether nobody was woken."""
    windows: int
    """Until the first alert; -1 for none."""
    alerts: int
    one_alert: bool
    cause: bool
    severity: bool
    resolved: bool
    """Within `resolve_after` windows whose labels are in."""
    resolved_after: int
    """Windows after the fix; -1 for not at all."""
    kept: bool
    """Whether every prediction was counted in the end."""
    said: list[str] = field(default_factory=list)
    beside: list[str] = field(default_factory=list)
    """Incidents that woke nobody."""


@dataclass(frozen=True)
class Page:
    """An alert that began to fire."""

    window: int
    incident_id: str
    severity: str


class Day:
    """The services, the store and the analyzer of one run."""

    def __init__(self, store: Store, seed: int, config: str = CONFIG, start: datetime = START) -> None:
        self.store, self.world, self.at = store, World(np.random.default_rng(seed)), start
        self.config = parse(config)
        self._labels: list[pa.Table] = []
        self.restart()
        self.pages: list[Page] = []
        self.incidents: dict[str, Incident] = {}
        self.ended: dict[str, int] = {}
        """The window in which an incident was last seen to have ended."""
        self.window = 0
        self._firing: set[tuple[str, str]] = set()

    def restart(self) -> None:
        """A new process: all that the analyzer knows is in the store."""
        respond = Responder(self.store, self.config)
        self.runner = Runner(self.store, self.config, respond=respond, clock=lambda: self.at)

    def step(self, *, restarts: bool = False) -> None:
        """A window passes, and is looked at."""
        self._labels.append(self.world.serve(self.store, self.at, LENGTH))
        if len(self._labels) > LABELS_AFTER:
            self._label(self._labels.pop(0))
        self.at += LENGTH
        if restarts:
            self.restart()
        self.runner.once(self.at + timedelta(minutes=2))
        self.world.deliver(self.store)
        self.window += 1
        self._hear()

    def _hear(self) -> None:
        """What alerts would do now."""
        self.incidents = {one.incident_id: one for one in load(self.store)}
        firing = {
            (one.incident_id, severity.value)
            for one in self.incidents.values()
            if one.status == "open" and one.role == "primary"
            for severity in one.severities
            if severity.value != "info"
        }
        self.pages += [Page(self.window, *one) for one in sorted(firing - self._firing)]
        for incident_id, _ in self._firing - firing:
            self.ended[incident_id] = self.window
        self._firing = firing

    def _label(self, rows: pa.Table) -> None:
        if rows.num_rows:
            n = rows.num_rows
            rows = rows.append_column("timestamp", pa.repeat(pa.scalar(self.at, pa.timestamp("ns", "UTC")), n))
            rows = rows.append_column("received_at", pa.repeat(pa.scalar(self.at, pa.timestamp("ms", "UTC")), n))
            self.store.insert("labels", rows.append_column("model", pa.repeat(pa.scalar(MODEL), n)))

    def live(self, event: Event) -> Score:
        """Let an event happen and pass; how it was seen."""
        began, served, before = self.window, self.world.served, set(self.incidents)
        start = self.at
        event.begin(self.world)
        for _ in range(EVENT):
            self.step(restarts=event.restarts)
        event.end(self.world)
        fixed = self.window
        for _ in range(AFTER):
            self.step()
        return self._scored(event, began, fixed, before, self._counted(start) == self.world.served - served)

    def _counted(self, since: datetime) -> int:
        """Predictions that the results know of."""
        return int(
            self.store.scalar(
                "SELECT sum(value) FROM monitor_results FINAL WHERE model = {model:String} AND metric = 'volume' "
                "AND segment = '' AND window_start >= {since:DateTime64(9, 'UTC')}",
                {"model": MODEL, "since": since},
            )
            or 0
        )

    def _scored(self, event: Event, began: int, fixed: int, before: set[str], kept: bool) -> Score:
        pages = [one for one in self.pages if one.window > began]
        first = {one.incident_id: one for one in reversed(pages)}
        last = [self.ended[key] - fixed if (key, page.severity) not in self._firing else -1
                for key, page in first.items()]  # fmt: skip
        after = -1 if -1 in last else max(last, default=0)
        delay = pages[0].window - began if pages else -1
        quiet = not event.severity
        main = self.incidents[pages[0].incident_id] if pages else None
        beside = [one for key, one in self.incidents.items() if key not in before and key not in first]
        return Score(
            found=not pages if quiet else 0 < delay <= FOUND_WITHIN + event.lag,
            windows=delay,
            alerts=len(pages),
            one_alert=len(pages) == (0 if quiet else 1),
            cause=quiet or (main is not None and (event.cause in main.cause if event.cause else main.cause == "")),
            severity=quiet or (main is not None and {one.severity for one in pages} == {event.severity}),
            resolved=-1 < after <= RESOLVE_AFTER + LABELS_AFTER,
            resolved_after=after,
            kept=kept,
            said=[f"{page.window - began}: {page.severity}: {self.incidents[page.incident_id].title} | "
                  f"{self.incidents[page.incident_id].why}" for page in pages],
            beside=[f"{one.severity.value} {one.role}: {one.title}" for one in beside],
        )  # fmt: skip


def run(seed: int, names: list[str]) -> Iterator[tuple[str, Score]]:
    """The scores of a day, event by event, and of its calm beginning."""
    with tempfile.TemporaryDirectory() as folder:
        store = connect(f"chdb://{folder}/store")
        schema.apply(store)
        day = Day(store, seed)
        for _ in range(CALM):
            day.step()
        kept = day._counted(START) == day.world.served
        yield "calm", day._scored(Event(*setting()), 0, CALM, set(), kept)
        for name in names:
            yield name, day.live(EVENTS[name])
        store.close()


def _line(name: str, score: Score) -> str:
    wrong = [count for count in COUNTS if not getattr(score, count)]
    told = f"after {score.windows:>2}  alerts {score.alerts}  resolved after {score.resolved_after:>2}"
    return f"{name:<13} {told}  {'right' if not wrong else 'WRONG: ' + ', '.join(wrong)}"


def _summary(days: list[dict[str, Score]]) -> Iterator[str]:
    """The share of all events of all days that is right, count by count."""
    every = [score for day in days for score in day.values()]
    for count in COUNTS:
        right = sum(getattr(one, count) for one in every)
        yield f"{count:<10} {right}/{len(every)} ({right / len(every):.1%})"


def main() -> int:
    """Run days and print their scores."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1, help="the first day's")
    parser.add_argument("--seeds", type=int, default=1, help="how many days")
    parser.add_argument("--events", nargs="+", choices=list(EVENTS), help="only these, in this order")
    parser.add_argument("--json", action="store_true", help="a line of JSON a day instead of text")
    args = parser.parse_args()
    logging.basicConfig(level=logging.ERROR)
    days = []
    for seed in range(args.seed, args.seed + args.seeds):
        names = args.events or np.random.default_rng(seed).permutation(list(EVENTS)).tolist()
        scores = {}
        for name, score in run(seed, names):
            scores[name] = score
            if not args.json:
                print(_line(name, score), *(f"    {one}" for one in (*score.said, *score.beside)), sep="\n", flush=True)
        days.append(scores)
        if args.json:
            print(json.dumps({"seed": seed, "events": {name: asdict(one) for name, one in scores.items()}}), flush=True)
    if not args.json:
        print(*_summary(days), sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
