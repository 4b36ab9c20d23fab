"""Which baseline a window is compared with: the configured one, the one that was set, or one that is learnt."""

from __future__ import annotations

from datetime import datetime, timedelta

from modelspan_analyzer.config.durations import format_duration
from modelspan_analyzer.config.settings import BaselineSettings, ModelSettings
from modelspan_analyzer.instants import now, utc
from modelspan_analyzer.reading import baselines
from modelspan_analyzer.reading.baselines import Baseline
from modelspan_analyzer.reading.names import spoken
from modelspan_analyzer.reading.relation import window_relation
from modelspan_analyzer.results import Window
from modelspan_collector.store.connect import Store

_LAST_TO_LEARN = """
SELECT timestamp FROM (
    SELECT timestamp FROM predictions WHERE model = {model:String} AND version = {version:String}
    ORDER BY timestamp LIMIT {rows:UInt64}
)
ORDER BY timestamp ASC
"""

_COUNT = "SELECT count() FROM predictions WHERE "


def choose_baseline(store: Store, model: str, version: str, window: Window, settings: ModelSettings) -> Baseline | None:
    """The baseline of a window; None while there are too few predictions to learn one from."""
    wanted = settings.baseline
    if wanted.moves(version):
        return _moving(store, model, version, window, wanted)
    return baselines.active(store, model, version) or _learn(store, model, version, wanted.learn)


def learnt_until(store: Store, model: str, version: str, settings: ModelSettings, rows: int) -> datetime | None:
    """The end of the predictions that the baseline was learnt from, which no window is compared with.

    `rows` are all predictions of the version: of too few none is learnt.
    """
    wanted = settings.baseline
    if wanted.moves(version):
        return None
    baseline = baselines.active(store, model, version)
    if baseline is None and rows >= wanted.learn:
        baseline = _learn(store, model, version, wanted.learn)
    learnt = baseline is not None and baseline.kind == baselines.KIND_LEARNT
    return baseline.window.end if learnt and baseline and baseline.window else None


def _moving(store: Store, model: str, version: str, window: Window, wanted: BaselineSettings) -> Baseline | None:
    """A baseline that goes with the window, read from predictions."""
    if wanted.sliding:
        kind, compared, source = baselines.KIND_SLIDING, version, f"the {format_duration(wanted.sliding)} before"
        stretch = Window(window.start - wanted.sliding, window.start)
    elif wanted.same_hour:
        kind, compared = baselines.KIND_SAME_HOUR, version
        source = f"the same time {format_duration(wanted.same_hour)} before"
        stretch = Window(window.start - wanted.same_hour, window.end - wanted.same_hour)
    else:
        kind, compared, stretch = baselines.KIND_VERSION, str(wanted.version), window
        source = f"{spoken(wanted.version)} over the same window"
    relation = window_relation(model, compared, stretch)
    rows = int(store.scalar(_COUNT + relation.condition, relation.parameters))
    if rows == 0:
        return None
    identity = f"{kind}:{compared}:{stretch.start.isoformat()}"
    return Baseline(identity, model, version, kind, source, stretch, rows, now(), compared_version=compared)


def _learn(store: Store, model: str, version: str, rows: int) -> Baseline | None:
    """A baseline of the model's first predictions, once there are enough of them."""
    scope = {"model": model, "version": version, "rows": rows}
    times: list[datetime] = [utc(row["timestamp"]) for row in store.rows(_LAST_TO_LEARN, scope)]
    if len(times) < rows:
        return None
    return baselines.set_learnt(store, model, version, Window(times[0], times[-1] + timedelta(microseconds=1)))
