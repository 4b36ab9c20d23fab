"""What earlier windows of an experiment showed, as their results keep it, and whether one of them decided it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from modelspan_analyzer.config.experiment_settings import ExperimentSettings, MeasureSettings
from modelspan_analyzer.instants import utc
from modelspan_analyzer.results import Window
from modelspan_analyzer.statistics.sequential import Batch, Moments
from modelspan_collector.store.connect import Store

_EARLIER: Final = """
SELECT window_start, window_end, JSONExtract(details, 'batch', 'Array(Array(Float64))') AS batch,
       JSONExtractString(details, 'decided') AS decided
FROM monitor_results FINAL
WHERE model = {model:String} AND version = {version:String} AND signal = {signal:String} AND metric = {metric:String}
  AND JSONExtractString(details, 'definition') = {definition:String}
  AND notEmpty(batch) AND (window_start, window_end) != ({start:DateTime64(9, 'UTC')}, {end:DateTime64(9, 'UTC')})
ORDER BY window_end
"""


@dataclass(frozen=True, slots=True)
class Before:
    """Of windows other than the one that is looked at."""

    batches: tuple[Batch, ...]
    """Those before it, of which none overlaps another."""
    decided: str
    """What another window decided; '' while none has."""
    decided_at: datetime | None


def before(store: Store, asked: tuple[str, str, str], model: str, version: str, window: Window) -> Before:
    """What other windows showed; `asked` is the signal, the metric, and the definition that they have to be of."""
    scope = dict(zip(("signal", "metric", "definition"), asked, strict=True))
    of = {"model": model, "version": version, "start": window.start, "end": window.end}
    rows = store.rows(_EARLIER, {**scope, **of})
    decided = next((row for row in rows if row["decided"]), None)
    return Before(
        tuple(_apart(rows, window)),
        str(decided["decided"]) if decided else "",
        utc(decided["window_end"]) if decided else None,
    )


def _apart(rows: Sequence[Mapping[str, Any]], window: Window) -> Iterable[Batch]:
    """From the window backwards, each that ends before the one after it begins: no row counts twice."""
    begins = window.start
    for row in reversed(rows):
        if utc(row["window_end"]) <= begins:
            begins = utc(row["window_start"])
            yield _batch(row["batch"])


def as_details(batch: Batch) -> list[list[float]]:
    """A batch as `before` reads it: moments of each side (of pairs, of their differences), then the rest."""
    sides = [[one.rows, one.mean, one.squares, one.fourth] for one in batch.sides]
    return [*sides, [batch.usual, float(batch.shares)]]


def _batch(given: Sequence[Sequence[float]]) -> Batch:
    *sides, rest = given
    both = [Moments(int(one[0]), *one[1:]) for one in sides]
    return Batch(both[0], both[1] if len(both) > 1 else None, rest[0], bool(rest[1]))


def definition(settings: ExperimentSettings, measure: MeasureSettings, expression: str) -> str:
    """Tells an experiment from another of the same name: what is changed begins anew."""
    parts = (settings.name, settings.champion, settings.challenger, settings.split, measure.measure, expression)
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]
