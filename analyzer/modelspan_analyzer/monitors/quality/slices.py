"""Data quality within the configured slices: what is missing in one country, and that the whole does not show.

A slice is compared with its own rows of the baseline, and with nothing where these are too few: being unlike the whole
is no fault. Which features there are, and how many rows, is looked at over all rows alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from modelspan_analyzer.config.data_settings import DataQualitySettings
from modelspan_analyzer.monitors.context import MonitorContext
from modelspan_analyzer.monitors.quality.compare import compare_values
from modelspan_analyzer.monitors.quality.monitor import SIGNAL
from modelspan_analyzer.monitors.sliced import left_out
from modelspan_analyzer.reading.profiles.pooling import MISSING, level_of, moved, pooled
from modelspan_analyzer.reading.profiles.profile import Column
from modelspan_analyzer.reading.slices import Slice
from modelspan_analyzer.results import Judged, Result, Seen, Verdict

MONITOR = "quality_slices"


def quality_slices(context: MonitorContext) -> list[Result]:
    """Rates of faulty values of each slice that has enough rows; the allowed error is shared among the slices."""
    settings, results = context.settings.data_quality, list(left_out(context, SIGNAL))
    each = context.slices.each
    shared = settings.model_copy(update={"alpha": settings.alpha / max(1, len(each))})
    for one in each:
        few = _few(context, one, settings.min_rows)
        results += [few] if few else _judged(context, one, shared)
    return [replace(result, monitor=MONITOR) for result in results]


def _few(context: MonitorContext, one: Slice, least: int) -> Result | None:
    """Why a slice is not compared; None where it is."""
    seen = Seen(segment=one.name, n=one.rows, n_baseline=one.rows_baseline)
    if one.rows < least:
        said = Judged(Verdict.NOT_ENOUGH_DATA, f"{one.rows} rows; {least} are needed")
    elif one.rows_baseline < least:
        why = f"; it has {one.rows_baseline} rows of it, and {least} are needed" if one.rows_baseline else ""
        said = Judged(Verdict.NOT_COMPARED, context.nothing_to_compare(one.name) + why)
    else:
        return None
    return context.judged(SIGNAL, "quality", None, seen, said)


def _judged(context: MonitorContext, one: Slice, settings: DataQualitySettings) -> Iterator[Result]:
    before, after = context.slices.columns(one)
    left = {*settings.exclude, *context.row_names, one.key.removeprefix("feature.")}
    names = [name for name in before if name not in left and (settings.features is None or name in settings.features)]
    now = {name: after.get(name) or Column(name, null=float(one.rows), null_n=one.rows) for name in names}
    usual = {name: _missing_as_usual(context, name, before[name]) for name in names if name in context.usual}
    known = {name: pooled([before[name], context.usual[name]]) if name in usual else before[name] for name in names}
    for found in compare_values(known, now, settings, usual=usual):
        yield context.found(SIGNAL, replace(found, seen=replace(found.seen, segment=one.name)))


def _missing_as_usual(context: MonitorContext, name: str, part: Column) -> Column:
    """A feature of a slice in the baseline, of which as much more or less is missing as is usual now of the whole."""
    whole: Mapping[str, Column] = context.reference.features if context.reference else {}
    if name not in whole:
        return part
    share = level_of(part, MISSING) + level_of(context.usual[name], MISSING) - level_of(whole[name], MISSING)
    return moved(part, MISSING, max(0.0, share))
