"""Estimated performance within the configured slices: a model that should do worse in one country than it did there.

Of a slice everything is learnt and expected of its own rows of the baseline: scores may be worth another chance in it.
"""

from __future__ import annotations

from modelspan_analyzer.monitors.context import MonitorContext
from modelspan_analyzer.monitors.estimation.monitor import estimates
from modelspan_analyzer.monitors.estimation.track_record import SIGNAL
from modelspan_analyzer.monitors.performance.monitor import PERFORMANCE
from modelspan_analyzer.monitors.sliced import left_out
from modelspan_analyzer.reading.slices import Slice
from modelspan_analyzer.results import Judged, Result, Seen, Verdict
from modelspan_analyzer.statistics.estimation.calibrate import LEAST


def estimation_slices(context: MonitorContext) -> list[Result]:
    """Estimates of each slice that has enough rows; the allowed error is shared among the slices."""
    each, performance = context.slices.each, context.settings.performance
    sure = 1 - (1 - performance.confidence) / max(1, len(each))
    shared = {PERFORMANCE.name: performance.model_copy(update={"confidence": sure})}
    settings, results = context.settings.model_copy(update=shared), list(left_out(context, SIGNAL))
    for one in each if not context.target.apart else ():  # an error of the whole, which says it
        few = _few(context, one)
        results += [few] if few else estimates(context.within(one, settings))
    return results


def _few(context: MonitorContext, one: Slice) -> Result | None:
    """Why nothing is estimated of a slice; None where it is."""
    least = context.settings.estimation.min_rows
    if context.with_rows is None:
        reason = f"estimates are learnt from a labelled baseline; {context.nothing_to_compare(one.name)}"
    elif one.rows < least:
        reason = f"{one.rows} rows; {least} are needed"
    elif one.rows_baseline < LEAST:
        reason = f"the baseline has {one.rows_baseline} rows of {one.name}, and {LEAST} with labels are needed"
    else:
        return None
    seen = Seen(segment=one.name, n=one.rows, n_baseline=one.rows_baseline)
    return context.judged(SIGNAL, "estimate", None, seen, Judged(Verdict.NOT_ENOUGH_DATA, reason))
