"""Which predictions of two versions answer the same request, and the truth that one of them lends the other.

A shadow answers what the champion answers, and only the champion's predictions are labelled. They share the tag
`request`, the prediction id or the trace: what matches most counts, and where none matches anything, equal features
tell. A key counts only where it is unique in both versions: a trace of ten predictions says not which is which.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from modelspan_analyzer.reading.rows import Rows
from modelspan_collector.store.connect import Store

_KEYS: Final[Mapping[str, str]] = {
    "the tag `request`": "tags['request']",
    "prediction id": "prediction_id",
    "trace": "trace_id",
    "equal features": (
        "if(empty(numeric_features) AND empty(categorical_features), '', "
        "hex(sipHash128(mapSort(numeric_features), mapSort(categorical_features))))"
    ),
}
_MATCHED = """
SELECT count() AS matched, countIf(a.truth = '' AND b.truth != '') AS lent
FROM ({challenger}) AS a INNER JOIN ({champion}) AS b ON a.key = b.key
"""
_UNIQUE = """
SELECT key, any(truth) AS truth, any(true_value) AS true_value
FROM (SELECT {key} AS key, truth, true_value FROM ({rows})) WHERE key != '' GROUP BY key HAVING count() = 1
"""
_LENT = """
SELECT own.* EXCEPT (truth, true_value), if(own.truth != '', own.truth, other.truth) AS truth,
       if(own.truth != '', own.true_value, other.true_value) AS true_value, if(other.key != '', own.at, '') AS shared
FROM (SELECT *, {key} AS at FROM ({rows})) AS own ANY LEFT JOIN ({others}) AS other ON own.at = other.key
"""


@dataclass(frozen=True, slots=True)
class Matched:
    """How the predictions of two versions were matched."""

    by: str
    """What they share, in words; '' where nothing matches."""
    rows: int
    champion_rows: int
    challenger_rows: int
    lent: int
    """Matched predictions of the challenger that have no label of their own, and the champion's counts."""

    def __str__(self) -> str:
        whole = f"{self.challenger_rows:,} predictions of the challenger and {self.champion_rows:,} of the champion"
        if not self.by:
            return (
                f"none of {whole} matched: make both in one trace, or give both the same tag `request` "
                "(`with modelspan.tags(request=...)`)"
            )
        lent = f"; {self.lent:,} of them are labelled on the champion alone" if self.lent else ""
        return f"{self.rows:,} of {whole} matched by {self.by}{lent}"


def match(store: Store, champion: Rows, challenger: Rows) -> tuple[Matched, Rows, Rows]:
    """Match two versions' predictions.

    Returns:
        How; then the rows of both, with a column `shared` (the key of the request, '' where there is none) and the
        other version's truth where a row has none of its own.
    """
    sizes = [store.scalar(f"SELECT count() FROM ({rows.sql})", rows.parameters) for rows in (champion, challenger)]
    by, matched, lent = "", 0, 0
    for name, key in _KEYS.items():
        if matched and name == "equal features":
            break
        found = _count(store, champion, challenger, _within_tenant(key))
        if found[0] > matched:
            by, (matched, lent) = name, found
    key = _within_tenant(_KEYS.get(by, "''"))
    pair = _lent(champion, challenger, key), _lent(challenger, champion, key)
    return Matched(by, matched, int(sizes[0]), int(sizes[1]), lent), *pair


def _within_tenant(key: str) -> str:
    """Two tenants may give their requests the same name: they are not the same request."""
    return f"if({key} = '' OR tags['tenant'] = '', {key}, concat({key}, ' of ', tags['tenant']))"


def _count(store: Store, champion: Rows, challenger: Rows, key: str) -> tuple[int, int]:
    sides = {name: _unique(rows, key) for name, rows in (("champion", champion), ("challenger", challenger))}
    parameters = {**champion.parameters, **challenger.parameters}
    row = store.rows(_MATCHED.format(**sides), parameters)[0]
    return int(row["matched"]), int(row["lent"])


def _unique(rows: Rows, key: str) -> str:
    return _UNIQUE.format(key=key, rows=rows.sql)


def _lent(own: Rows, other: Rows, key: str) -> Rows:
    shared = f"key IN (SELECT key FROM ({_unique(own, key)}))"
    others = f"SELECT key, truth, true_value FROM ({_unique(other, key)}) WHERE {shared}"
    sql = _LENT.format(key=key, rows=own.sql, others=others)
    return Rows(sql, {**own.parameters, **other.parameters})
