"""Which predictions are measured, joined in SQL with what was true: one shape for windows and for baselines.

Labels come late, in part, and are corrected: the newest one of a tenant's prediction counts (`labels.py`), so the same
labels in any order give the same rows. Columns: `prediction_id, timestamp, version, value, label, scores, weight,
truth` (a class; '' while unknown), `true_value` (a number; NULL while unknown), `tags, numeric_features,
categorical_features, attributions, trace_id`, and of answers of several parts `shape, items, outputs`, whose truths
`outcomes/several.py` joins.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from modelspan_analyzer.reading import labels
from modelspan_analyzer.reading.baselines import Baseline, need_rows
from modelspan_analyzer.reading.window import bound, within
from modelspan_analyzer.results import Window
from modelspan_collector.store.expression import OUTCOMES_COLUMN

_TRUTH = "multiIf(own.3 != '', own.3, isNull(own.2), '', toString(own.2)) AS truth"
_TRUE_VALUE = "coalesce(own.2, toFloat64OrNull(own.3)) AS true_value"

_PREDICTIONS = """
WITH {own} AS own
SELECT p.prediction_id AS prediction_id, p.timestamp AS timestamp, p.version AS version, p.value AS value,
       p.label AS label, p.scores AS scores, p.sample_weight AS weight, p.tags AS tags,
       p.numeric_features AS numeric_features, p.categorical_features AS categorical_features,
       p.attributions AS attributions, p.trace_id AS trace_id, {truth}, {true_value}, own.4 AS labelled_at,
       toString(p.shape) AS shape, p.items AS items, p.outputs AS outputs
FROM (SELECT * FROM predictions WHERE {chosen}) AS p
ANY LEFT JOIN {labels} AS l ON p.prediction_id = l.prediction_id
"""

_WHOLE = """
WITH {own} AS own
SELECT p.prediction_id AS prediction_id, toString(p.model) AS model, toString(p.version) AS version,
       toString(p.role) AS role, toString(p.service) AS service, p.timestamp AS timestamp,
       p.received_at AS received_at, p.trace_id AS trace_id, p.value AS value, toString(p.label) AS label,
       p.scores AS scores, p.duration AS duration, toString(p.error_type) AS error_type, p.sample_weight AS weight,
       p.tags AS tags, p.numeric_features AS numeric_features, p.categorical_features AS categorical_features,
       p.null_features AS null_features, mapApply((name, vector) -> (name, length(vector)), p.embeddings) AS vectors,
       {truth}, {true_value}, toString(p.shape) AS shape, p.items AS items, p.outputs AS outputs
FROM (SELECT * FROM predictions WHERE {chosen}) AS p
ANY LEFT JOIN {labels} AS l ON p.prediction_id = l.prediction_id
ORDER BY timestamp DESC
"""

_UNLABELLED = """
SELECT prediction_id, timestamp, version, value, label, scores, sample_weight AS weight, tags, numeric_features,
       categorical_features, attributions, trace_id, '' AS truth, CAST(NULL AS Nullable(Float64)) AS true_value,
       toDateTime64(0, 3, 'UTC') AS labelled_at, toString(shape) AS shape, items, outputs
FROM predictions WHERE {chosen}
"""

_UNTOLD = "SELECT * REPLACE ('' AS truth, CAST(NULL AS Nullable(Float64)) AS true_value) FROM ({rows})"
_REFERENCE = """
SELECT prediction_id, timestamp, version, value, label, scores, sample_weight AS weight, tags, numeric_features,
       categorical_features, attributions, '' AS trace_id,
       multiIf(true_label != '', true_label, isNull(true_value), '', toString(true_value)) AS truth,
       coalesce(true_value, toFloat64OrNull(true_label)) AS true_value, toDateTime64(0, 3, 'UTC') AS labelled_at,
       toString(shape) AS shape, items, outputs
FROM reference_predictions
WHERE model = {reference_model:String} AND baseline_id = {baseline_id:String}
"""


@dataclass(frozen=True, slots=True)
class Rows:
    """A query of labelled predictions and its bound parameters; used as a subquery: `FROM ({rows.sql})`."""

    sql: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    stamp: str = ""
    """Of a baseline's rows what tells them, with their labels, from what they were before: while it stays the same,
    what was read of them is kept. '' where they are read anew each time."""

    def only(self, condition: str, parameters: Mapping[str, Any]) -> Rows:
        """Those of which a condition of their columns is true."""
        return replace(
            self, sql=f"SELECT * FROM ({self.sql}) WHERE {condition}", parameters={**self.parameters, **parameters}
        )

    def __hash__(self) -> int:
        """By the query alone: which rows they are is compared, and parameters may be lists."""
        return hash(self.sql)


def window_rows(
    model: str,
    version: str | None,
    window: Window,
    *,
    name: str = "window_",
    labelled: bool = True,
    outcome: str = "",
) -> Rows:
    """The predictions of a window with the labels that are in by now.

    Args:
        model: the model's name.
        version: the model's version, or None for every one.
        window: the stretch of event time.
        name: prefix of the bound parameters, so that two windows can stand in one query.
        labelled: False to look for no labels, as joining them costs more than all else.
        outcome: what is taken for the truth; '' is the label.
    """
    chosen = f"{within(name)} AND error_type = ''"
    if not labelled:
        return Rows(_UNLABELLED.format(chosen=chosen), bound(model, version, window, name))
    which, named = (labels.OF_OUTCOME, {"outcome": outcome}) if outcome else (labels.THE_LABEL, {})
    joined = labels.labels_of(f"SELECT prediction_id FROM predictions WHERE {chosen}", which)
    sql = _PREDICTIONS.format(own=labels.own(), labels=joined, truth=_TRUTH, true_value=_TRUE_VALUE, chosen=chosen)
    return Rows(sql, bound(model, version, window, name) | named)


def with_outcomes(rows: Rows) -> Rows:
    """The same rows with what else became known of them, in the column that `outcome('…')` of an expression reads."""
    joined = labels.outcomes_of(f"SELECT prediction_id FROM ({rows.sql})")
    told = f"SELECT r.*, k.known AS {OUTCOMES_COLUMN} FROM ({rows.sql}) AS r"
    return replace(rows, sql=f"{told} ANY LEFT JOIN {joined} AS k ON r.prediction_id = k.prediction_id")


def rows_of_windows(model: str, version: str | None, windows: Sequence[Window]) -> Rows:
    """The same of several windows that do not overlap."""
    each = [window_rows(model, version, one, name=f"window_{place}_") for place, one in enumerate(windows)]
    parameters = {name: value for rows in each for name, value in rows.parameters.items()}
    return Rows(" UNION ALL ".join(f"SELECT * FROM ({rows.sql})" for rows in each), parameters)


def predictions_of(prediction_id: str, trace_id: str, model: str = "") -> Rows:
    """All that is kept of predictions by their id or by the id of their trace, the newest first; '' restricts nothing.

    Columns beside those above: model, role, service, received_at, duration, error_type, null_features, and `vectors`,
    the length of each embedding.
    """
    wanted = {"prediction_id": prediction_id, "trace_id": trace_id, "model": model}
    chosen = " AND ".join(f"{name} = {{{name}:String}}" for name, value in wanted.items() if value)
    joined = labels.labels_of(f"SELECT prediction_id FROM predictions WHERE {chosen}")
    sql = _WHOLE.format(own=labels.own(), labels=joined, truth=_TRUTH, true_value=_TRUE_VALUE, chosen=chosen)
    return Rows(sql, {name: value for name, value in wanted.items() if value})


def unlabelled_rows(model: str, version: str, window: Window) -> Rows:
    """The predictions of a window without looking for their labels; for estimates."""
    return window_rows(model, version, window, labelled=False)


def baseline_rows(baseline: Baseline, *, labelled: bool = True, outcome: str = "") -> Rows:
    """The rows of a baseline with the truth that is known of them.

    A baseline copied from predictions gets its late labels, and other outcomes, through the predictions that it was
    copied from; these are not looked for where there are no labels (`labelled`). One from a file has labels alone.

    Raises:
        ValueError: the baseline is neither stored rows nor a stretch of time.
    """
    need_rows(baseline)
    if baseline.stored and baseline.kind == "rows":
        sql = _UNTOLD.format(rows=_REFERENCE) if outcome else _REFERENCE
        return Rows(sql, {"reference_model": baseline.model, "baseline_id": baseline.baseline_id})
    if baseline.window is None:
        raise ValueError(f"the baseline {baseline.baseline_id} of {baseline.model} has neither rows nor a window")
    scope = baseline.model, baseline.read_version, baseline.window
    return window_rows(*scope, name="baseline_", labelled=labelled, outcome=outcome)
