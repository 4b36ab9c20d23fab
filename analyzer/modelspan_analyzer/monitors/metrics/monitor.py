"""The monitor of metrics of one's own: each over all rows and in every slice, as ordinary results."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from modelspan_analyzer import kinds
from modelspan_analyzer.config.expression import measure, sentence, understood
from modelspan_analyzer.config.metric_settings import MetricSettings
from modelspan_analyzer.monitors.context import MonitorContext
from modelspan_analyzer.monitors.metrics.earlier import Earlier, earlier
from modelspan_analyzer.monitors.metrics.judge import Beside, against, judge
from modelspan_analyzer.monitors.metrics.targets import BURN, SIGNAL, against_target
from modelspan_analyzer.monitors.signal import Cost, Signal
from modelspan_analyzer.monitors.sliced import Among, failed, in_none
from modelspan_analyzer.reading.own_metrics import Measured, measured, selected
from modelspan_analyzer.reading.relation import window_relation
from modelspan_analyzer.reading.segments import slice_values, telling
from modelspan_analyzer.reading.window import whose
from modelspan_analyzer.results import Judged, Result, Seen, Verdict, finite
from modelspan_collector.sqlhttp.errors import ClickHouseError
from modelspan_collector.sqlhttp.reader import SqlReader
from modelspan_collector.store.segments import names_in

_TEXT: Final = re.compile(r"'((?:[^'\\]|\\.)*)'?", re.DOTALL)
"""One that is not closed goes to the end, so that nothing is read twice."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What was measured of a window: of all rows (''), and of each slice by its name."""

    current: Mapping[str, Measured]
    baseline: Mapping[str, Measured]
    names: tuple[str, ...] = ()
    """Features and tags that it is of."""
    outcomes: tuple[str, ...] = ()
    """Outcomes that it is of; of a SELECT every text that it holds, as any may name one."""


def metrics(context: MonitorContext) -> list[Result]:
    """Every metric; one that cannot be computed is an error of its own."""
    if not context.settings.metrics:
        return []
    reader = SqlReader(context.store)
    results = list(failed(context, SIGNAL))
    wanted = [one for one in context.settings.metrics if one.expression]
    sizes = _sizes(context, [one for one in wanted if one.slices])
    results += _left_out(context, wanted, sizes)
    expressed = _expressed(context, reader, wanted, sizes)
    for settings in context.settings.metrics:
        parts = _selected(context, reader, settings) if settings.select else expressed[settings.name]
        if isinstance(parts, Exception):
            why = _why(context, settings, parts)
            results.append(context.result(SIGNAL, settings.name, None, Verdict.ERROR, reason=why))
            continue
        found = list(_judged(context, settings, parts))
        results += [*found, *against_target(context, settings, _definition(settings), found)]
    return results


Sizes = Mapping[str, Mapping[str, int]]
"""By key of slices how many rows its values have."""


def _left_out(context: MonitorContext, wanted: Sequence[MetricSettings], sizes: Sizes) -> Iterator[Result]:
    """How many rows are in no slice that is looked at: of each metric, where not all need as many."""
    by_least: dict[int, list[str]] = {}
    for one in wanted:
        if one.slices:
            by_least.setdefault(one.min_rows, []).append(one.name)
    for least, names in by_least.items():
        among = Among(context.current.rows, least, "metrics.min_rows")
        whose = ", ".join(names) if len(by_least) > 1 else ""
        for key, each in sizes.items():
            taken = telling(key, each, least).values()
            yield from in_none(context, SIGNAL, key, taken, among, feature=whose, monitor=SIGNAL)


def _expressed(
    context: MonitorContext, reader: SqlReader, wanted: Sequence[MetricSettings], sizes: Sizes
) -> dict[str, Parts | ClickHouseError]:
    """What each metric by an expression is, together; those that have slices of the same values, and compare, apart."""
    alike: dict[tuple[int, bool], list[MetricSettings]] = {}
    for one in wanted:
        alike.setdefault((one.min_rows if one.slices else 0, bool(one.compare)), []).append(one)
    found: dict[str, Parts | ClickHouseError] = {}
    for (least, compare), some in alike.items():
        slices = {key: tuple(telling(key, each, least)) for key, each in sizes.items()} if least else {}
        slices = {key: values for key, values in slices.items() if values}
        found |= _together(context, reader, some, slices, compare)
    return found


def _sizes(context: MonitorContext, metrics: Sequence[MetricSettings]) -> dict[str, dict[str, int]]:
    """By key of slices the values that any of some metrics looks at, and how many rows each has."""
    if not metrics:
        return {}
    least = min(one.min_rows for one in metrics)
    relation = window_relation(context.model, context.version, context.window)
    return {key: slice_values(context.store, relation, key, least) for key in context.slicing}


def _together(
    context: MonitorContext,
    reader: SqlReader,
    metrics: Sequence[MetricSettings],
    slices: Mapping[str, Sequence[str]],
    compare: bool,
) -> Iterator[tuple[str, Parts | ClickHouseError]]:
    """By an expression, of the window and, where they are to be compared, of the baseline."""
    asked = [measure(one.expression) for one in metrics]
    current, *references = context.sources
    of, *others = (one.rows for one in context.coverages)
    found = measured(reader, current, of, asked, slices)
    before: list[dict[str, Measured] | ClickHouseError] = [{} for _ in metrics]
    if compare and references:
        before = measured(reader, references[0], others[0], asked, slices)
    for one, expression, parts, baseline in zip(metrics, asked, found, before, strict=True):
        if isinstance(parts, ClickHouseError):
            yield one.name, parts
        elif isinstance(baseline, ClickHouseError):
            yield one.name, baseline
        else:
            outcomes = _texts(" ".join(expression.outcomes))
            yield one.name, Parts(parts or {"": Measured(math.nan, 0)}, baseline, expression.names, outcomes)


def _selected(context: MonitorContext, reader: SqlReader, settings: MetricSettings) -> Parts | Exception:
    """By a SELECT of one's own, which says itself of which slices it is; or why that says nothing."""
    of = whose(context.model, context.version)
    places = {"model": of["model"], "version": of["version"], "start": context.window.start, "end": context.window.end}
    try:
        found = selected(reader, settings.select, places)
    except (ValueError, ClickHouseError) as error:
        return error
    if not settings.slices:
        found = {name: one for name, one in found.items() if not name}
    names = tuple(_named_in(settings.select, context))
    return Parts(found or {"": Measured(math.nan, 0)}, {}, names, _texts(settings.select))


def _texts(sql: str) -> tuple[str, ...]:
    """Every text that stands in SQL, each once.

    >>> _texts("outcome = 'revenue' OR outcome IN ('paid back', 'revenue')")
    ('revenue', 'paid back')
    """
    return tuple(dict.fromkeys(re.sub(r"\\(.)", r"\1", text) for text in _TEXT.findall(sql)))


def _named_in(select: str, context: MonitorContext) -> list[str]:
    """Features and tags whose names stand in a SELECT, as far as they are known."""
    known = {*context.current.features, *(context.reference.features if context.reference else ())}
    known |= {name for key in context.slicing for name in names_in(key)}
    return sorted(name for name in known if _stands_in(name, select))


def _stands_in(name: str, text: str) -> bool:
    """Whether a name stands in a text by itself, not within a longer one."""
    at = text.find(name)
    while at >= 0:
        around = text[max(0, at - 1) : at] + text[at + len(name) : at + len(name) + 1]
        if not any(sign.isalnum() or sign == "_" for sign in around):
            return True
        at = text.find(name, at + 1)
    return False


def _judged(context: MonitorContext, settings: MetricSettings, parts: Parts) -> Iterator[Result]:
    before: Mapping[str, Earlier] = {}
    if settings.threshold is None and not settings.compare:
        asked = (SIGNAL, settings.name, _definition(settings))
        before = earlier(context.store, asked, context.model, context.version, context.window)
    tested = [one for one in parts.current.values() if _enough(one, settings)]
    for segment, one in parts.current.items():
        baseline = parts.baseline.get(segment)
        if settings.compare and baseline is not None and _enough(baseline, settings):
            one = against(one, baseline, settings.compare)
        elif settings.compare:
            one, baseline = Measured(math.nan, one.rows), None
        beside = Beside(baseline, before.get(segment), 1 / max(1, len(tested)))
        judged = _verdict(context, one, beside, settings, segment, parts.names)
        seen = Seen(
            feature=", ".join(parts.names),
            segment=segment,
            n=one.rows,
            n_baseline=baseline.rows if baseline else 0,
            lower=finite(one.lower),
            upper=finite(one.upper),
            direction="below" if _falls(one, judged, settings) else "above",
            details={
                "unit": settings.unit,
                "features": list(parts.names),
                "outcomes": list(parts.outcomes),
                "drawn": one.drawn,
                "definition": _definition(settings),
            },
        )
        yield context.judged(SIGNAL, settings.name, finite(one.value), seen, judged, SIGNAL)


def _verdict(
    context: MonitorContext, one: Measured, beside: Beside, settings: MetricSettings, segment: str, names: Sequence[str]
) -> Judged:
    if not _enough(one, settings):
        return Judged(Verdict.NOT_ENOUGH_DATA, _too_few(one, settings))
    if settings.compare and beside.baseline is None:
        return Judged(Verdict.NOT_COMPARED, context.nothing_to_compare(segment))
    if not math.isfinite(one.value):
        return Judged(Verdict.SKIPPED, _undefined(names))
    return judge(one, beside, settings)


def _too_few(one: Measured, settings: MetricSettings) -> str:
    """How many rows there are, and what it is that most of them lack."""
    least = f"{settings.min_rows} are needed (`min_rows`)"
    if settings.select:
        return f"{one.rows} rows; {least}" if one.rows else "the SELECT answers no number for this window"
    found = measure(settings.expression)
    lacked = [*(["the label"] if found.truths else []), *(f"outcome({name})" for name in found.outcomes)]
    if not lacked:
        return f"{one.rows} rows; {least}"
    return f"of {one.rows} of {one.of} rows {' and '.join(lacked)} is known; {least}"


def _undefined(names: Sequence[str]) -> str:
    called = f"; is {' or '.join(map(repr, names))} what the features and tags are called?" if names else ""
    return f"undefined on these rows: what it is of is missing in all of them, or it divides by 0{called}"


def _definition(settings: MetricSettings) -> str:
    """Tells a metric from another of the same name: what is usual of one says nothing of the other."""
    written = f"{settings.expression}\0{settings.select}\0{settings.compare}"
    return hashlib.sha256(written.encode()).hexdigest()[:12]


def _enough(one: Measured, settings: MetricSettings) -> bool:
    """Of a SELECT that does not say how many rows a value is of, any number is."""
    return one.rows >= settings.min_rows or (settings.select != "" and one.rows == 0 and math.isfinite(one.value))


def _falls(one: Measured, judged: Judged, settings: MetricSettings) -> bool:
    """Whether a value is, or would be, bad by being low."""
    if settings.direction != "both":
        return settings.direction == "below"
    return judged.threshold is not None and one.value < judged.threshold


def _why(context: MonitorContext, settings: MetricSettings, error: Exception) -> str:
    """What is wrong, in the words of who wrote the settings."""
    if isinstance(error, ClickHouseError):
        told = understood(context.store, settings.expression, "metric") if settings.expression else ""
        return told or f"the engine cannot compute it: {sentence(error.message)}"
    return str(error)


METRICS: Final = Signal(
    SIGNAL,
    "unusual {metric}",
    kinds.DRIFT,
    run=metrics,
    cost=Cost.ROWS,
    gravity=2,
    marks_affected=False,  # a sum is of all of its rows, whichever went another way
    names_outputs=True,
    endings={BURN: "{metric} misses its target"},
    yields_to_labels=True,
)
