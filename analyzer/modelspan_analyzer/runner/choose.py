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


def choose_baseline(
    store: Store,
    model: str,
    version: str,
    window: Window,
    settings: ModelSettings,
    known: list[Baseline] | None = None,
) -> Baseline | None:
    """The baseline of a window; None while there are too few predictions to learn one from.

    Args:
        store: where the predictions are.
        model: the model.
        version: the version.
        window: the window.
        settings: how its baseline is chosen.
        known: all baselines, the newest first, where they were read; one that is learnt is put to them.
    """
    wanted = settings.baseline
    if wanted.moves(version):
        return _moving(store, model, version, window, wanted)
    return _active(store, model, version, known) or _learn(store, model, version, wanted.learn, known)


def learnt_until(
    store: Store, model: str, version: str, settings: ModelSettings, rows: int, known: list[Baseline] | None = None
) -> datetime | None:
    """The end of the predictions that the baseline was learnt from, which no window is compared with.

    `rows` are all predictions of the version: of too few none is learnt. `known` as in `choose_baseline`.
    """
    wanted = settings.baseline
    if wanted.moves(version):
        return None
    baseline = _active(store, model, version, known)
    if baseline is None and rows >= wanted.learn:
        baseline = _learn(store, model, version, wanted.learn, known)
    learnt = baseline is not None and baseline.kind == baselines.KIND_LEARNT
    return baseline.window.end if learnt and baseline and baseline.window else None


def _active(store: Store, model: str, version: str, known: list[Baseline] | None) -> Baseline | None:
    if known is None:
        return baselines.active(store, model, version)
    return baselines.active_among(known, model, version)


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


def _learn(store: Store, model: str, version: str, rows: int, known: list[Baseline] | None = None) -> Baseline | None:
    """A baseline of the model's first predictions, once there are enough of them."""
    scope = {"model": model, "version": version, "rows": rows}
    times: list[datetime] = [utc(row["timestamp"]) for row in store.rows(_LAST_TO_LEARN, scope)]
    if len(times) < rows:
        return None
    # what was read at the beginning of a look is asked again: another analyzer may have learnt it since
    learnt = baselines.active(store, model, version) if known is not None else None
    if learnt is None:
        learnt = baselines.set_learnt(store, model, version, Window(times[0], times[-1] + timedelta(microseconds=1)))
    if known is not None:
        known.insert(0, learnt)
    return learnt
