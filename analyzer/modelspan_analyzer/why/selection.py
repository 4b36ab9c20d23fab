"""Which predictions make a finding: a weight from 0 to 1 a row, as SQL over `predictions`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from modelspan.conventions import ROLE_PRIMARY
from modelspan_analyzer import kinds
from modelspan_analyzer.instants import utc
from modelspan_analyzer.reading import labels, segments
from modelspan_analyzer.reading.outcomes.groups import facet_of
from modelspan_analyzer.reading.outcomes.spelling import find_spelling
from modelspan_analyzer.results import Window
from modelspan_analyzer.why.explanation import MOST_VERSIONS, Finding
from modelspan_analyzer.why.profiled import profiled_sample
from modelspan_analyzer.why.ratio import absent_weight, category_weights, excess_weights
from modelspan_collector.store.connect import Store

SAMPLE_ROWS = 20_000
_BASELINE = """
SELECT assumeNotNull(window_start) AS start, assumeNotNull(window_end) AS end FROM baselines FINAL
WHERE model = {model:String} AND baseline_id = {baseline_id:String}
  AND isNotNull(window_start) AND isNotNull(window_end)
"""
_MISSING = """toFloat64(has(p.null_features, {feature:String}) OR NOT (mapContains(p.numeric_features, {feature:String})
    OR mapContains(p.categorical_features, {feature:String}) OR mapContains(p.embeddings, {feature:String})))"""
_WORDS = """
SELECT groupUniqArray(101)(toString(p.label)) AS predicted, groupUniqArray(101)({truth}) AS truths {source}
  AND p.timestamp >= {start:DateTime64(9, 'UTC')} AND p.timestamp < {end:DateTime64(9, 'UTC')}
"""
_VERSIONS = """
SELECT p.version AS version FROM predictions AS p
WHERE {where} AND p.timestamp >= {start:DateTime64(9, 'UTC')} AND p.timestamp < {end:DateTime64(9, 'UTC')}
  AND p.version != '' GROUP BY version ORDER BY version LIMIT {most:UInt32}
"""


@dataclass(frozen=True, slots=True)
class Selection:
    """The parts of a query over predictions `p`; `weight` is the probability that a row belongs to the finding."""

    weight: str
    source: str
    """`FROM … WHERE …` without a restriction in time."""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    at_least: bool = False
    """Whether the weight is a lower bound of that probability: sums of it are fewer than there are, or as many."""

    def fill(self, template: str) -> str:
        """A query with this weight and source in their places."""
        return template.replace("{weight}", self.weight).replace("{source}", self.source)

    def during(self, window: Window) -> dict[str, Any]:
        """The parameters, with `start` and `end` of a stretch of time."""
        return {**self.parameters, "start": window.start, "end": window.end}


def select(store: Store, finding: Finding) -> Selection:
    """Say which predictions make the finding.

    Drift selects by likelihood ratio: a row in a bin that holds a share c of the current rows and b of the
    baseline's is new with probability at least 1 - b / c (the excess of a two-part mixture).
    """
    where, parameters = population(finding)
    plain = Selection("", f"FROM predictions AS p WHERE {where}", parameters)
    if finding.kind == kinds.MISSING:
        return _with(plain, _MISSING, feature=finding.feature)
    if finding.kind == kinds.ERRORS:
        return _with(plain, "toFloat64(p.error_type != '')")
    if finding.kind == kinds.WRONG:
        which = labels.OF_OUTCOME if finding.outcome else labels.THE_LABEL
        parameters |= {"outcome": finding.outcome} if finding.outcome else {}
        known = labels.labels_of(f"SELECT p.prediction_id FROM predictions AS p WHERE {where}", which)
        source = f"FROM predictions AS p INNER JOIN {known} AS l ON l.prediction_id = p.prediction_id"
        return _wrong(store, finding, Selection("", f"{source} WHERE {labels.labelled()} AND {where}", parameters))
    if finding.kind == kinds.SLOW:
        return _numeric(store, finding, plain, "log2(p.duration + 1e-9)", "p.duration > 0", upward=True)
    if finding.kind == kinds.DRIFT and finding.feature:
        present = _with(plain, "", feature=finding.feature)
        name = "{feature:String}"
        if _probe(store, finding, present, f"mapContains(p.embeddings, {name})"):
            return _vectors(store, finding, present)
        if _is_numeric(store, finding, present):
            return _numeric(
                store, finding, present, f"p.numeric_features[{name}]", f"mapContains(p.numeric_features, {name})"
            )
        return _categorical(
            store, finding, present, f"p.categorical_features[{name}]", f"mapContains(p.categorical_features, {name})"
        )
    if _has_values(store, finding, plain):
        return _numeric(store, finding, plain, "ifNull(p.value, nan)", "isNotNull(p.value)")
    return _categorical(store, finding, plain, "p.label::String", "p.label != ''")


def _with(base: Selection, weight: str, *, at_least: bool = False, **parameters: Any) -> Selection:
    return Selection(weight, base.source, {**base.parameters, **parameters}, at_least)


def population(finding: Finding, *, apart: bool = True) -> tuple[str, dict[str, Any]]:
    """The finding's predictions: those of its version whatever its role, else what the primary versions answered."""
    parameters: dict[str, Any] = {"model": finding.model}
    where = "p.model = {model:String}"
    if finding.version:
        where += " AND p.version = {version:String}"
        parameters["version"] = finding.version
    else:
        where += f" AND p.role = '{ROLE_PRIMARY}'"
    if apart and finding.segment:
        condition, more = _part(finding)
        where, parameters = f"{where} AND {condition}", parameters | more
    return where, parameters


def versions(store: Store, finding: Finding) -> tuple[str, ...]:
    """The version that a finding names, or those that the predictions of its time are of, at most `MOST_VERSIONS`."""
    if finding.version:
        return (finding.version,)
    where, parameters = population(finding)
    asked = {**parameters, "start": finding.window.start, "end": finding.window.end, "most": MOST_VERSIONS}
    return tuple(str(row["version"]) for row in store.rows(_VERSIONS.replace("{where}", where), asked))


def _part(finding: Finding) -> tuple[str, dict[str, Any]]:
    """The rows of the finding's segment; or of its group, whose facets are tags or features by name."""
    if segments.is_group(finding.segment):
        pairs = segments.parse_group(finding.segment)
        groups = {f"facet_{index}": name for index, (name, _) in enumerate(pairs)}
        values = {f"group_{index}": value for index, (_, value) in enumerate(pairs)}
        same = (f"{facet_of(f'{{{f}:String}}', 'p.')} = {{{v}:String}}" for f, v in zip(groups, values, strict=True))
        return " AND ".join(same), {**groups, **values}
    return segments.where(segments.parse(finding.segment), "p.")


def _wrong(store: Store, finding: Finding, base: Selection) -> Selection:
    """By class where predictions and their own labels name one; else by how far the value is from the truth."""
    label, value = labels.label(), labels.value()
    if _probe(store, finding, base, f"p.label != '' AND ({label} != '' OR isNull(p.value))"):
        truth = f"if({label} != '', {label}, ifNull(toString({value}), ''))"
        spelt = _spelling(store, finding, base, truth)
        said, was = (
            f"transform({one}, {{words:Array(String)}}, {{classes:Array(String)}}, {one})"
            for one in ("toString(p.label)", truth)
        )
        return _with(base, f"toFloat64({was} != {said})", words=list(spelt), classes=list(spelt.values()))
    truth = f"coalesce({value}, toFloat64OrNull({label}))"
    error, known = f"abs(ifNull(p.value, nan) - ifNull({truth}, nan))", f"isNotNull({truth}) AND isNotNull(p.value)"
    return _numeric(store, finding, base, error, known, upward=True)


def _spelling(store: Store, finding: Finding, base: Selection, truth: str) -> dict[str, str]:
    """The words that mean what answers spell otherwise, of the finding's window: a label of 1 is a `True`."""
    seen = store.rows(_WORDS.replace("{truth}", truth).replace("{source}", base.source), base.during(finding.window))[0]
    return find_spelling(*([frozenset(seen[side]) - {""}] for side in ("predicted", "truths")))


def _numeric(
    store: Store, finding: Finding, base: Selection, expression: str, present: str, *, upward: bool = False
) -> Selection:
    current, baseline = (
        np.asarray(column, float) for column in _samples(store, finding, base, f"if({present}, {expression}, nan)")
    )
    edges, weights = excess_weights(current, baseline, upward=upward)
    absent = 0.0 if upward else absent_weight(current, baseline)
    weight = (
        f"if({present}, transform(roundDown(toFloat64({expression}), {{edges:Array(Float64)}}), "
        "{edges:Array(Float64)}, {weights:Array(Float64)}, 0.), {absent:Float64})"
    )
    return _with(base, weight, at_least=True, edges=edges.tolist(), weights=weights.tolist(), absent=absent)


def _vectors(store: Store, finding: Finding, base: Selection) -> Selection:
    """Vectors by how far they lie along the way that their mean has moved."""
    mean = "SELECT avgForEach(r.x) AS x FROM ({rows}) AS r WHERE notEmpty(r.x) HAVING count() > 0"
    vector = "p.embeddings[{feature:String}]"
    now, then = (list(means) for means in _samples(store, finding, base, vector, mean))
    if not now or not then or len(now[0]) != len(then[0]):
        return _with(base, "0.")
    along = f"arraySum((a, b) -> a * b, arrayResize({vector}, length({{way:Array(Float64)}})), {{way:Array(Float64)}})"
    way = _with(base, "", way=(np.asarray(now[0]) - np.asarray(then[0])).tolist())
    return _numeric(store, finding, way, along, f"notEmpty({vector})")


def _categorical(store: Store, finding: Finding, base: Selection, expression: str, present: str) -> Selection:
    expression = f"if({present}, {expression}, '')"
    current, baseline = _samples(store, finding, base, expression)
    values, weights = category_weights(np.asarray(current, str), np.asarray(baseline, str))
    weight = f"transform({expression}, {{values:Array(String)}}, {{weights:Array(Float64)}}, 1.)"
    return _with(base, weight, at_least=True, values=values.tolist(), weights=weights.tolist())


def _samples(store: Store, finding: Finding, base: Selection, expression: str, of: str = "{rows}") -> tuple[Any, Any]:
    """Bounded samples `x` of a column, or what a query says `of` them: of the finding's window, and of what it is
    compared with."""
    current = _column(store, base, finding.window, expression, of)
    if finding.kind == kinds.UNFAIR:
        where, parameters = population(finding, apart=False)
        everybody = Selection("", f"FROM predictions AS p WHERE {where}", parameters)
        return current, _column(store, everybody, finding.window, expression, of)
    if finding.baseline_id and finding.kind not in (kinds.WRONG, kinds.SLOW):  # a baseline's rows took no time
        rows = _reference(store, finding, base, expression, of)
        if not len(rows) and finding.kind in (kinds.DRIFT, kinds.PREDICTION_DRIFT):
            of_what = finding.feature if finding.kind == kinds.DRIFT else ""
            asked = (store, finding.model, finding.baseline_id, of_what, SAMPLE_ROWS)
            rows = profiled_sample(*asked, numeric=current.dtype.kind == "f")
        if len(rows):
            return current, rows
    return current, _column(store, base, _baseline_window(store, finding), expression, of)


def _baseline_window(store: Store, finding: Finding) -> Window:
    """The stretch that a drift is measured against: as asked, as the baseline was set, or just before."""
    if finding.baseline is None and finding.baseline_id:
        stored = store.rows(_BASELINE, {"model": finding.model, "baseline_id": finding.baseline_id})
        if stored:
            return Window(utc(stored[0]["start"]), utc(stored[0]["end"]))
    return finding.baseline or before(finding.window)


def before(window: Window) -> Window:
    """The stretch of the same length that ends where the window starts."""
    return Window(window.start - (window.end - window.start), window.start)


def _column(store: Store, base: Selection, window: Window, expression: str, of: str) -> Any:
    sql = (
        f"SELECT {expression} AS x {base.source} AND p.timestamp >= {{start:DateTime64(9, 'UTC')}} "
        f"AND p.timestamp < {{end:DateTime64(9, 'UTC')}} "
        "ORDER BY cityHash64(p.timestamp) LIMIT {rows:UInt32}"
    )
    return store.arrow(of.replace("{rows}", sql), {**base.during(window), "rows": SAMPLE_ROWS})["x"].to_numpy()


def _reference(store: Store, finding: Finding, base: Selection, expression: str, of: str) -> Any:
    """The baseline's rows: those of the finding's segment, or all where it has none of it."""
    sql = (
        f"SELECT {expression} AS x FROM reference_predictions AS p WHERE p.model = {{model:String}} "
        f"AND p.baseline_id = {{baseline_id:String}} AND {{part}} "
        "ORDER BY cityHash64(p.prediction_id) LIMIT {rows:UInt32}"
    )
    bound = {**base.parameters, "baseline_id": finding.baseline_id, "rows": SAMPLE_ROWS}
    for part in (_part(finding)[0] if finding.segment else "true", "true"):
        found = store.arrow(of.replace("{rows}", sql.replace("{part}", part)), bound)["x"].to_numpy()
        if len(found):
            break
    return found


def _probe(store: Store, finding: Finding, base: Selection, condition: str) -> bool:
    sql = (
        f"SELECT countIf(yes) * 2 > count() AND count() > 0 FROM (SELECT {condition} AS yes {base.source} "
        "AND p.timestamp >= {start:DateTime64(9, 'UTC')} AND p.timestamp < {end:DateTime64(9, 'UTC')} LIMIT 1000)"
    )
    return bool(store.scalar(sql, base.during(finding.window)))


def _is_numeric(store: Store, finding: Finding, base: Selection) -> bool:
    number, category = (f"mapContains(p.{kind}_features, {{feature:String}})" for kind in ("numeric", "categorical"))
    return _probe(store, finding, base, f"{number} OR NOT {category}")


def _has_values(store: Store, finding: Finding, base: Selection) -> bool:
    return _probe(store, finding, base, "isNotNull(p.value)")
