"""Models in a store, watched by the runner with its default monitors, for `alarms_pipeline.py`."""

from __future__ import annotations

from collections.abc import Collection, Set
from datetime import UTC, datetime, timedelta

import alarm_own
import numpy as np
import pyarrow as pa
from alarm_faults import Rows
from alarm_models import Stream
from scipy.special import ndtri

from modelspan_analyzer import incidents
from modelspan_analyzer.config.outcome_settings import FairnessSettings
from modelspan_analyzer.config.settings import ModelSettings, MonitorsConfig
from modelspan_analyzer.incidents.describe import by_gravity
from modelspan_analyzer.monitors.signal import Signals
from modelspan_analyzer.monitors.table import SIGNALS
from modelspan_analyzer.reading import baselines
from modelspan_analyzer.reading.features import feature_maps
from modelspan_analyzer.respond import Responder
from modelspan_analyzer.results import Result, Window
from modelspan_analyzer.runner import Runner
from modelspan_collector.store.connect import Store

START = datetime(2026, 1, 5, tzinfo=UTC)
HOUR = timedelta(hours=1)
NS = 10**9
STAMP = pa.timestamp("ns", "UTC")
NUMBERS = pa.map_(pa.string(), pa.float64())


def draw(stream: Stream, rows: int, generator: np.random.Generator) -> Rows:
    """Rows without drift."""
    places = generator.choice(stream.pool, rows)
    return Rows(stream.features.iloc[places].reset_index(drop=True), stream.truth[places])


def insert(store: Store, model: str, stream: Stream, rows: Rows, times: np.ndarray, seed: int) -> pa.Array:
    """Store rows as predictions at some times, with their labels; returns their ids."""
    n, said, generator = len(rows.truth), stream.answer(rows.features), np.random.default_rng(seed)
    ids = pa.array([f"{model}-{stamp}-{place}" for place, stamp in enumerate(times)])
    columns = {
        "model": pa.repeat(model, n),
        "version": pa.repeat("1", n),
        "role": pa.repeat("primary", n),
        "timestamp": pa.array(times).cast(STAMP),
        "prediction_id": ids,
        "value": pa.array(said.value),
        "duration": pa.array(generator.lognormal(np.log(0.02), 0.4, n)),
        "tags": alarm_own.dealt(n, generator),
        **feature_maps(pa.Table.from_pandas(rows.features, preserve_index=False)),
    }
    if said.label is not None:
        columns["label"] = pa.array(said.label.tolist())
    if said.scores is not None:
        columns["scores"] = pa.array([list(zip(stream.classes, row, strict=True)) for row in said.scores], NUMBERS)
    if said.attributions is not None:
        names = list(said.attributions)
        shares = said.attributions.to_numpy()
        columns["attributions"] = pa.array([list(zip(names, row, strict=True)) for row in shares], NUMBERS)
    store.insert("predictions", pa.table(columns))
    if rows.labelled:
        label(store, model, stream, rows, ids, times)
    return ids


def label(store: Store, model: str, stream: Stream, rows: Rows, ids: pa.Array, times: np.ndarray) -> None:
    """The labels of rows, known a second later."""
    truth = (
        {"label": pa.array(rows.truth.tolist())} if stream.classes else {"value": pa.array(rows.truth, pa.float64())}
    )
    known = pa.array(times + NS).cast(STAMP)
    store.insert(
        "labels",
        pa.table({"prediction_id": ids, "model": pa.repeat(model, len(ids)), "timestamp": known, **truth}),
    )


def within(window: Window, rows: int) -> np.ndarray:
    """Times of so many rows, at equal distances within a window."""
    first, length = int(window.start.timestamp()) * NS, int((window.end - window.start).total_seconds() * NS)
    return first + np.arange(rows) * (length // rows)


def hour(place: int) -> Window:
    """The window of a place."""
    return Window(START + place * HOUR, START + (place + 1) * HOUR)


class Watched:
    """A model in a store, with a baseline, and the runner that watches it."""

    def __init__(
        self,
        store: Store,
        name: str,
        stream: Stream,
        generator: np.random.Generator,
        rows: int,
        *,
        own: bool = False,
        signals: Collection[str] = (),
    ) -> None:
        self.store, self.name, self.stream, self.generator = store, name, stream, generator
        self.baseline = draw(stream, rows, generator)
        past = Window(START - timedelta(days=60), START - timedelta(days=59))
        insert(store, name, stream, self.baseline, within(past, rows), 0)
        baselines.set_from_window(store, name, "1", past)
        if own:
            alarm_own.approve(store, name, past.end)
        facets = (stream.group,) if stream.group else ()
        more = alarm_own.settings(stream, self.baseline) if own else {}
        settings = MonitorsConfig(defaults=ModelSettings(fairness=FairnessSettings(facets=facets, flip_rows=0), **more))
        self.now = START
        watched = Signals.of(*(one for name, one in SIGNALS.items() if not signals or name in signals))
        clock, respond = (lambda: self.now), Responder(store, settings)
        self.runner = Runner(store, settings, signals=watched, clock=clock, respond=respond)

    def add(self, rows: Rows, first: int, windows: int = 1) -> None:
        """Rows of some windows after each other."""
        n = len(rows.truth) // windows
        times = np.concatenate([within(hour(first + place), n) for place in range(windows)])
        insert(self.store, self.name, self.stream, rows, times, int(self.generator.integers(2**31)))

    def look(self, place: int) -> list[Result]:
        """What the monitors say of a window."""
        self.now = hour(place).end + timedelta(minutes=2)
        return self.runner.run_window(self.name, "1", hour(place))

    def named(self, signals: Set[str]) -> list[str]:
        """Features and groups that findings of some signals name in open incidents, the gravest first."""
        found = [one for one in incidents.load(self.store, model=self.name) if one.status == "open"]
        members = by_gravity([member for one in found for member in one.findings if not member.ended])
        said = [member for member in members if member.signal in signals]
        return [name for member in said for name in (member.feature, member.segment.partition("=")[2]) if name]


def seasonal(stream: Stream, season: str, windows: int, rows: int, generator: np.random.Generator) -> Rows:
    """Rows of windows after each other of which those with a high value of a feature come more by day, or ever more.

    Rows are drawn by `exp(strength * score)`, which moves the mean of a standard normal feature by the strength: what
    the model knows of a row, and what is true of it, stays as it was. No row comes
    twice in a window where there are enough: by chance alone, rows that come more often would be sent twice more often.
    """
    values = stream.features[str(generator.choice(stream.numeric))].iloc[stream.pool]
    score = ndtri((values.rank(method="average") / (len(values) + 1)).to_numpy())
    hours, again = np.arange(windows), len(stream.pool) < 4 * rows
    strength = np.sin(2 * np.pi * hours / 24) if season == "rhythm" else 1.5 * hours / windows
    drawn = []
    for one in strength:
        chance = np.exp(one * score)
        drawn.append(generator.choice(stream.pool, rows, replace=again, p=chance / chance.sum()))
    places = np.concatenate(drawn)
    return Rows(stream.features.iloc[places].reset_index(drop=True), stream.truth[places])
