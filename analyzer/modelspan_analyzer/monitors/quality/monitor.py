"""Data quality: what arrives, against what the baseline led to expect."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, Unpack

from modelspan_analyzer import kinds
from modelspan_analyzer.monitors.context import Fields, MonitorContext
from modelspan_analyzer.monitors.quality.arrival import arrival
from modelspan_analyzer.monitors.quality.compare import compare
from modelspan_analyzer.monitors.quality.constraints import ConstraintsError, check
from modelspan_analyzer.monitors.quality.constraints import read as read_constraints
from modelspan_analyzer.monitors.quality.failures import failure_rate
from modelspan_analyzer.monitors.quality.repeated import repeated_ids, repeated_rows
from modelspan_analyzer.monitors.signal import Cost, Metric, Need, Signal
from modelspan_analyzer.reading.profiles.pooling import pooled
from modelspan_analyzer.reading.profiles.profile import Column
from modelspan_analyzer.results import Judged, Result, Seen, Verdict
from modelspan_analyzer.verdicts.rates import Rate, judge

SIGNAL: Final = "data_quality"
MOST_REPEATED = 0.05
"""Share of rows with another row's id beyond which it is no mere delivery that came twice."""


def data_quality(context: MonitorContext) -> list[Result]:
    """Everything about the window's quality; without a baseline, what needs none."""
    results = [*arrival(context, SIGNAL), *_identity(context)]
    reference, settings = context.reference, context.settings.data_quality
    if reference is None or context.current.rows == 0:
        return results
    n = context.current.rows
    if n < settings.min_rows:
        reason = f"{n} rows; {settings.min_rows} are needed"
        return [*results, _result(context, "quality", None, Verdict.NOT_ENOUGH_DATA, n=n, reason=reason)]

    def chosen(columns: Mapping[str, Column]) -> dict[str, Column]:
        wanted = settings.features
        return {
            name: column
            for name, column in columns.items()
            if (wanted is None or name in wanted) and name not in {*settings.exclude, *context.row_names}
        }

    before, after = chosen(_with_season(context, reference.features)), chosen(context.current.features)
    found = compare(before, after, (reference.rows, n), settings, _whole_rows(context), context.usual)
    results += [context.found(SIGNAL, one, SIGNAL) for one in found]
    results += context.skipped_without_rows(SIGNAL, "duplicate_row_rate", monitor=SIGNAL) if context.no_rows else []
    results += _constraint_results(context)
    return results


def _with_season(context: MonitorContext, features: Mapping[str, Column]) -> dict[str, Column]:
    """The baseline's features; those with a rhythm or a trend together with what is expected of them now."""
    return {
        name: pooled([column, context.usual[name]]) if name in context.usual else column
        for name, column in features.items()
    }


def _constraint_results(context: MonitorContext) -> Iterator[Result]:
    """What a declared constraints file says of the window, rule by rule."""
    path = context.settings.data_quality.constraints
    if not path:
        return
    try:
        known = read_constraints(Path(path))
    except ConstraintsError as error:  # the other results of the window are still to be had
        yield _result(context, "constraints", None, Verdict.ERROR, n=context.current.rows, reason=str(error))
        return
    for checked in check(known, context.current):
        seen = Seen(checked.feature, n=context.current.rows)
        judged = Judged(Verdict.ALARM if checked.broken else Verdict.OK, checked.description, 0.0)
        yield context.judged(SIGNAL, checked.check, float(checked.broken), seen, judged, SIGNAL)


def _identity(context: MonitorContext) -> Iterator[Result]:
    """Repeated prediction ids and failed calls."""
    current = context.current
    if current.rows == 0:
        return
    repeated = repeated_ids(context.store, current)
    yield _result(
        context,
        "duplicate_id_rate",
        repeated,
        Verdict.ALARM if repeated > MOST_REPEATED else Verdict.OK,
        n=current.rows,
        threshold=MOST_REPEATED,
        reason=f"{repeated:.1%} of the rows repeat a prediction id",
    )
    settings = context.settings.data_quality
    share = current.errors / max(current.weight, 1e-300)
    scope = context.store, SIGNAL, context.model, context.version, context.window
    failures = failure_rate(*scope, share, current.rows, settings.max_error_rate)
    for judged in judge([failures], alpha=settings.alpha, min_change=settings.min_change):
        yield context.rate_result(SIGNAL, judged)


def _whole_rows(context: MonitorContext) -> Iterator[Rate]:
    """What is faulty of rows as a whole."""
    if context.with_rows is not None:
        current = context.current
        yield repeated_rows(context.store, current.relation, current.rows, context.with_rows)


def _result(
    context: MonitorContext, metric: str, value: float | None, verdict: Verdict, **fields: Unpack[Fields]
) -> Result:
    fields["monitor"] = SIGNAL
    return context.result(SIGNAL, metric, value, verdict, **fields)


def _about_values(**words: str) -> dict[str, Metric]:
    """Metrics of the values of a feature, of which `why` can ask where they come from."""
    return {metric: Metric(said, kinds.DRIFT) for metric, said in words.items()}


_MISSING: Final = Metric("missing values", kinds.MISSING)
_MISSING_FEATURE: Final = Metric("a missing feature", kinds.MISSING)
DATA_QUALITY: Final = Signal(
    SIGNAL,
    "bad values",
    kinds.DRIFT,
    run=data_quality,
    needs=(Need.BASELINE,),
    cost=Cost.SKETCHES,
    gravity=2,
    metrics={
        "null_rate": _MISSING,
        "completeness_check": _MISSING,
        "missing_feature": _MISSING_FEATURE,
        "missing_column_check": _MISSING_FEATURE,
        "error_rate": Metric("failed predictions", kinds.ERRORS),
        "volume": Metric("more predictions than usual", "", "fewer predictions than usual", "no predictions", True),
        "freshness": Metric("stale data"),
        "duplicate_id_rate": Metric("repeated prediction ids"),
        "new_feature": Metric("a new feature"),
        "extra_column_check": Metric("new features"),
        **_about_values(
            type_error_rate="wrong types",
            data_type_check="wrong types",
            out_of_range_rate="values out of range",
            constant="a stuck value",
            unseen_category_rate="unknown categories",
            categorical_values_check="unknown categories",
            vanished_category_rate="vanished categories",
            duplicate_row_rate="repeated rows",
        ),
        "cardinality_ratio": Metric("too many categories", kinds.DRIFT, "too few categories"),
    },
)
