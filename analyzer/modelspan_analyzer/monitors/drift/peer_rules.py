"""Which measure decides, and at what threshold, where `preset:` asks for another product's default rule."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

from modelspan_analyzer.config.presets import Preset
from modelspan_analyzer.monitors.drift.compare import Pair, compare, pairs
from modelspan_analyzer.reading.baselines import Baseline
from modelspan_analyzer.reading.cache import kept
from modelspan_analyzer.reading.profiles.from_rows import profile_rows
from modelspan_analyzer.reading.profiles.profile import Kind, Relation
from modelspan_analyzer.reading.profiles.read import baseline_profile
from modelspan_analyzer.reading.relation import baseline_relation
from modelspan_analyzer.statistics.jensen_shannon import jensen_shannon_distance
from modelspan_analyzer.verdicts.presets import ThresholdRule, azure_rule, evidently_rule, nannyml_rule
from modelspan_collector.store.connect import Store

CHUNKS = 10
"""Chunks of the baseline that NannyML's thresholds are learnt from: its default number."""
LEAST_CHUNKS = 2

_TIMES = """
SELECT count() AS n, arrayDistinct(quantilesExact({levels})(timestamp)) AS cuts FROM {table} WHERE {condition}
"""


def peer_rule(store: Store, baseline: Baseline, preset: Preset, pair: Pair, *, outputs: bool) -> ThresholdRule | None:
    """The preset's rule for a column; None where NannyML's cannot be learnt from the baseline.

    The rule speaks of our measures: Evidently's natural-logarithm Jensen-Shannon distance is ours (base 2) times
    sqrt(ln 2), and its z-test of two proportions is the chi-squared test of two categories, with the same p-value.
    """
    kind = pair.reference.kind
    if preset == "azure":
        return azure_rule("numeric" if kind is Kind.NUMERIC else "categorical")
    if preset == "nannyml":
        distances = _chunk_distances(store, baseline, outputs).get(pair.name, ()) if baseline.has_rows else ()
        return nannyml_rule(distances) if len(distances) >= LEAST_CHUNKS else None
    rule = evidently_rule(
        "numeric" if kind is Kind.NUMERIC else "categorical", n_reference=pair.n_baseline, distinct=_distinct(pair)
    )
    if rule.measure == "two_proportion":
        return replace(rule, measure="chi_squared")
    if rule.base == "e":
        return replace(rule, threshold=rule.threshold / math.sqrt(math.log(2.0)), base="2")
    return rule


def _distinct(pair: Pair) -> int:
    """Different values of the column on the side that has more."""
    sides = [(side.numbers, side.texts) for side in (pair.reference, pair.current)]
    return max(round(sum(values.distinct for values in side if values is not None)) for side in sides)


@kept(16)
def _chunk_distances(store: Store, baseline: Baseline, outputs: bool) -> Mapping[str, tuple[float, ...]]:
    """Jensen-Shannon distance of each chunk of the baseline from the whole of it, by column."""
    reference = baseline_profile(store, baseline)
    found: dict[str, list[float]] = {}
    for chunk in _chunks(store, baseline_relation(baseline)):
        for pair in pairs(store, reference, profile_rows(store, chunk), lambda _: True, outputs=outputs):
            if pair.reference.kind is not Kind.EMPTY and pair.n > 0:
                compared = compare(pair)[1]
                distance = float(jensen_shannon_distance(compared.reference_counts, compared.current_counts))
                found.setdefault(pair.name, []).append(distance)
    return {name: tuple(distances) for name, distances in found.items()}


def _chunks(store: Store, whole: Relation) -> list[Relation]:
    """Ten equally large stretches of the baseline's time; where its rows have none, as training data, ten draws."""
    levels = ", ".join(str(place / CHUNKS) for place in range(1, CHUNKS))
    sql = _TIMES.format(levels=levels, table=whole.table, condition=whole.condition)
    row = store.rows(sql, whole.parameters)[0]
    cuts = row["cuts"] if row["n"] else []
    if len(cuts) < CHUNKS - 1:
        condition = f"({whole.condition}) AND cityHash64(prediction_id) % {CHUNKS} = {{chunk:UInt64}}"
        return [replace(whole, condition=condition, parameters={**whole.parameters, "chunk": i}) for i in range(CHUNKS)]
    after, before = "timestamp >= {after:DateTime64(9, 'UTC')}", "timestamp < {before:DateTime64(9, 'UTC')}"
    found = []
    for low, high in zip([None, *cuts], [*cuts, None], strict=True):
        conditions = [whole.condition, *([after] if low else []), *([before] if high else [])]
        bounds = {name: value for name, value in (("after", low), ("before", high)) if value}
        found.append(replace(whole, condition=" AND ".join(conditions), parameters={**whole.parameters, **bounds}))
    return found
