"""How much each feature matters to the model: its attributions, or else its correlation with the prediction.

Drift is weighed by it, so that a drifting feature that the model does not use ranks low.
"""

from __future__ import annotations

from collections.abc import Mapping

from modelspan_analyzer.reading.baselines import Baseline
from modelspan_analyzer.reading.cache import kept
from modelspan_analyzer.reading.relation import baseline_relation
from modelspan_collector.store.connect import Store

ROWS = 20_000
"""Rows of the baseline that importance is estimated on: a correlation is then within about 0.015."""

_CHOSEN = "(SELECT * FROM {table} WHERE {condition} LIMIT {rows})"

_ATTRIBUTION = """
SELECT toString(name) AS name, avg(abs(share)) AS importance
FROM {chosen} ARRAY JOIN mapKeys(attributions) AS name, mapValues(attributions) AS share
GROUP BY name
"""

# The answer of a model that gives classes only: whether it was the most frequent one.
_ANSWER = """
(SELECT *, toFloat64(ifNull(value, label = (SELECT topK(1)(toString(label))[1] FROM {chosen}))) AS answer FROM {chosen})
"""

_CORRELATION = """
SELECT toString(name) AS name, abs(corrStable(number, answer)) AS importance
FROM {answered} ARRAY JOIN mapKeys(numeric_features) AS name, mapValues(numeric_features) AS number
WHERE isFinite(number) GROUP BY name
"""

# The correlation ratio: the share of the answer's variance that lies between categories, as a root.
_CORRELATION_RATIO = """
SELECT name, sqrt(least(1., greatest(0., (sum(total * total / n) - sum(total) * sum(total) / sum(n))
       / (sum(squares) - sum(total) * sum(total) / sum(n))))) AS importance
FROM (
    SELECT toString(name) AS name, text, count() AS n, sum(answer) AS total, sum(answer * answer) AS squares
    FROM {answered} ARRAY JOIN mapKeys(categorical_features) AS name, mapValues(categorical_features) AS text
    GROUP BY name, text
)
GROUP BY name
"""


@kept(64)
def importances(store: Store, baseline: Baseline) -> Mapping[str, float]:
    """Importance of each feature, 0 or more, from (a part of) the baseline's rows; empty where nothing tells."""
    relation = baseline_relation(baseline)
    chosen = _CHOSEN.format(table=relation.table, condition=relation.condition, rows=ROWS)
    rows = store.rows(_ATTRIBUTION.format(chosen=chosen), relation.parameters)
    if not rows:
        answered = _ANSWER.format(chosen=chosen)
        for sql in (_CORRELATION, _CORRELATION_RATIO):
            rows += store.rows(sql.format(answered=answered), relation.parameters)
    return {row["name"]: float(row["importance"]) for row in rows if row["importance"] == row["importance"]}
