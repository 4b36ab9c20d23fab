"""Which rows a profile is of: a window of predictions, or a stored baseline."""

from __future__ import annotations

import re

from modelspan_analyzer.reading.baselines import Baseline, need_rows
from modelspan_analyzer.reading.profiles.profile import Relation
from modelspan_analyzer.reading.window import bound, within
from modelspan_analyzer.results import Window

_PLACE = re.compile(r"\{(\w+)\}")
_BASELINE = "model = {model:String} AND baseline_id = {baseline_id:String}"


def filled(sql: str, **parts: str) -> str:
    """A query with parts of ours, SQL too, in the places of their names; `{name:Type}` are parameters, and stay.

    Raises:
        KeyError: a place has no part.

    >>> filled("SELECT {what} FROM t WHERE model = {model:String}", what="count()")
    'SELECT count() FROM t WHERE model = {model:String}'
    """
    return _PLACE.sub(lambda found: parts[found[1]], sql)


def window_relation(model: str, version: str | None, window: Window) -> Relation:
    """The predictions of a window; None stands for every version."""
    return Relation("predictions", within(), bound(model, version, window))


def baseline_relation(baseline: Baseline) -> Relation:
    """The rows of a baseline.

    Raises:
        ValueError: it has none, or is read from predictions and has no window.
    """
    need_rows(baseline)
    if baseline.stored:
        scope = {"model": baseline.model, "baseline_id": baseline.baseline_id}
        return Relation("reference_predictions", _BASELINE, scope)
    if baseline.window is None:
        raise ValueError(f"the baseline {baseline.source!r} has neither rows nor a window")
    return window_relation(baseline.model, baseline.read_version, baseline.window)
