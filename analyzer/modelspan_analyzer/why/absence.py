"""Says what is not there to be looked at, so that "no cause" is only said of what was."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from modelspan_analyzer.kinds import DRIFT, ERRORS, MISSING, PREDICTION_DRIFT, SLOW, WRONG
from modelspan_analyzer.reading.labels import THE_LABEL
from modelspan_analyzer.results import Window
from modelspan_analyzer.why import sentence
from modelspan_analyzer.why.explanation import Finding
from modelspan_analyzer.why.selection import before, population
from modelspan_collector.store.connect import Store

LEAST_FLAGGED: Final = 10
"""Flagged traces below which nothing can be said."""
_COMPARED: Final = (DRIFT, PREDICTION_DRIFT, SLOW, WRONG)
"""Kinds of which only a comparison tells the predictions."""
_CERTAIN: Final = (MISSING, ERRORS)
"""Kinds of which a prediction is or is not one, whatever the others are."""
_UNTRACED: Final = "has a trace: make them within a span, or send spans to this collector"

_PRESENT = """
SELECT count() AS predictions, countIf(p.trace_id != '') AS traced,
       countIf(mapContains(p.numeric_features, {feature:String})
            OR mapContains(p.categorical_features, {feature:String}) OR mapContains(p.embeddings, {feature:String}))
           AS featured, {labelled} AS labelled
FROM predictions AS p
WHERE {where} AND p.timestamp >= {start:DateTime64(9, 'UTC')} AND p.timestamp < {end:DateTime64(9, 'UTC')}
"""
_LABELLED = f"""countIf((p.prediction_id, '') IN (SELECT prediction_id, tenant FROM labels WHERE {THE_LABEL})
    OR (p.prediction_id, p.tags['tenant']) IN (SELECT prediction_id, tenant FROM labels WHERE {THE_LABEL}))"""


def beside_causes(reason: str) -> str:
    """The same where something is known all the same: of traces that there are none of only that nobody could look."""
    return "none of them has a trace that could say more" if reason.endswith(_UNTRACED) else reason


def absence(store: Store, finding: Finding, marked: int, flagged: int) -> str:
    """Why too few traces of a finding can be looked at.

    Args:
        store: the store.
        finding: what was asked.
        marked: predictions that make the finding.
        flagged: how many traces of them there are.
    """
    found, of = _present(store, finding, finding.window), _of(finding)
    time = _spelt(finding.window)
    if not found["predictions"]:
        return f"There is no prediction of {of} {time}, so there was nothing to look at"
    if finding.kind == DRIFT and finding.feature and not found["featured"]:
        return _unfeatured(finding, found, time)
    if finding.kind == WRONG and not found["labelled"]:
        return (
            f"None of the {found['predictions']} predictions of {of} {time} has a label, so none is known to be wrong"
        )
    if not found["traced"]:
        return f"None of the {found['predictions']} predictions of {of} {time} {_UNTRACED}"
    subject = sentence.subject(finding)
    if not marked and not flagged:
        if reason := unfounded(store, finding, finding.window):
            return reason
        sure = "" if finding.kind in _CERTAIN else " for sure"
        return f"None of the {found['predictions']} predictions of {of} {time} is among {subject}{sure}"
    return f"Only {flagged} of {subject} have a trace; {LEAST_FLAGGED} are needed"


def unfounded(store: Store, finding: Finding, context: Window) -> str:
    """Why a finding without a cause was none to begin with; '' where it was.

    A feature may be missing in all predictions, before the finding too; and what shifted has to be compared.
    """
    found = _present(store, finding, context)
    if finding.kind == MISSING and not found["featured"]:
        return _unfeatured(finding, found, _spelt(context))
    if finding.kind in _COMPARED and not _comparable(store, finding):
        return (
            f"There is no prediction of {_of(finding)} {_spelt(_compared(finding))} to compare with: ask about a time "
            "with predictions before it, or set a baseline"
        )
    return ""


def _unfeatured(finding: Finding, found: Mapping[str, Any], time: str) -> str:
    return f"None of the {found['predictions']} predictions of {_of(finding)} {time} has a feature `{finding.feature}`"


def _of(finding: Finding) -> str:
    version = f" version {finding.version}" if finding.version else ""
    return f"{finding.model}{version}" + (f" ({finding.segment})" if finding.segment else "")


def _compared(finding: Finding) -> Window:
    return finding.baseline or before(finding.window)


def _comparable(store: Store, finding: Finding) -> bool:
    return bool(finding.baseline_id or _present(store, finding, _compared(finding))["predictions"])


def _present(store: Store, finding: Finding, window: Window) -> dict[str, Any]:
    """What the predictions of a time have."""
    where, parameters = population(finding)
    labelled = _LABELLED if finding.kind == WRONG else "0"
    sql = _PRESENT.replace("{where}", where).replace("{labelled}", labelled)
    asked = {"start": window.start, "end": window.end, "feature": finding.feature}
    return store.rows(sql, {**parameters, **asked})[0]


def _spelt(window: Window) -> str:
    return f"between {window.start:%Y-%m-%d %H:%M} and {window.end:%Y-%m-%d %H:%M} UTC"
