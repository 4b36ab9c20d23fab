"""Groups in which predictions go wrong more often: tags, categories and quarters of numbers, by their rates.

Shares among the flagged say little where much is wrong anyway: of 30 % wrong in general and 58 % in a group of a tenth,
the group holds 18 % of what is wrong. So rates of all rows are compared, also with those before; no traces are needed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from modelspan_analyzer import kinds
from modelspan_analyzer.reading import segments
from modelspan_analyzer.results import Window
from modelspan_analyzer.statistics.special import ndtr
from modelspan_analyzer.why import sentence
from modelspan_analyzer.why.contrast import false_discovery, phi, risk_ratio, two_proportions
from modelspan_analyzer.why.explanation import Cause, Finding
from modelspan_analyzer.why.selection import Selection
from modelspan_analyzer.why.timeline import Timeline
from modelspan_collector.store.connect import Store

Floats = npt.NDArray[np.float64]
ASKED: Final = (kinds.WRONG, kinds.ERRORS)
"""Kinds of which groups are a cause beside what the traces say; of the others, where these say nothing."""
LEAST_ROWS: Final = 30
MOST_GROUPS: Final = 1000
"""Groups that are compared, the largest first."""
Q_VALUE: Final = 0.01
LEAST_DIFFERENCE: Final = 0.1
"""Between the rate in a group and that of the others."""
LEAST_SHARE: Final = 0.2
"""Of what is more wrong than before, that must lie in the group."""
LEAST_SHARE_OF_A_SHIFT: Final = 0.5
"""The same of any other finding: what moves everywhere moves most where it can, which is no cause."""
MOST: Final = 2
MOST_NUMBERS: Final = 100
"""Numeric features of which the quarters are groups."""

_QUARTERS = """
SELECT name, quantiles(0.25, 0.5, 0.75)(number) AS borders
FROM
(
    SELECT arrayJoin(arrayMap((k, v) -> (k::String, v), mapKeys(p.numeric_features), mapValues(p.numeric_features)))
               AS pair, pair.1 AS name, pair.2 AS number
    {source} AND p.timestamp >= {start:DateTime64(9, 'UTC')} AND p.timestamp < {end:DateTime64(9, 'UTC')}
)
GROUP BY name ORDER BY name LIMIT {most:UInt32}
"""

_GROUPS = """
SELECT g.1 AS kind, g.2 AS name, g.3 AS value, sumIf(w, recent) AS hit, countIf(recent) AS n,
       sumIf(w, NOT recent) AS hit_before, countIf(NOT recent) AS n_before,
       groupArrayIf(3)(trace, recent AND w >= 0.5 AND trace != '') AS traces
FROM
(
    SELECT {weight} AS w, p.timestamp >= {since:DateTime64(9, 'UTC')} AS recent, p.trace_id AS trace,
           arrayJoin(arrayConcat([('', '', '')],
               arrayMap((k, v) -> ('tag', k::String, v::String), mapKeys(p.tags), mapValues(p.tags)),
               arrayMap((k, v) -> ('feature', k::String, v::String),
                        mapKeys(p.categorical_features), mapValues(p.categorical_features)),
               arrayMap(k -> ('quarter', k, toString(arrayCount(b -> p.numeric_features[k] >= b,
                                                                {borders:Array(Array(Float64))}[indexOf(
                                                                    {numbers:Array(String)}, k)]))),
                        arrayFilter(k -> mapContains(p.numeric_features, k), {numbers:Array(String)})))) AS g
    {source} AND p.timestamp >= {start:DateTime64(9, 'UTC')} AND p.timestamp < {end:DateTime64(9, 'UTC')}
)
GROUP BY kind, name, value HAVING n >= {least:UInt32}
ORDER BY n DESC, kind, name, value LIMIT {most:UInt32}
"""


@dataclass(frozen=True, slots=True)
class Rates:
    """How many there are, and how many of them are flagged; a group an entry, shapes (k,)."""

    hit: Floats
    n: Floats

    @property
    def rate(self) -> Floats:
        """Share that is flagged; half a row is added on both sides, so that none is sure."""
        return np.asarray((self.hit + 0.5) / (self.n + 1))

    @property
    def variance(self) -> Floats:
        """Of the rate."""
        return np.asarray(self.rate * (1 - self.rate) / np.maximum(self.n, 1))


def groups(store: Store, finding: Finding, selection: Selection, line: Timeline, context: Window) -> list[Cause]:
    """The groups of which more is flagged than of the others, by more than before, the strongest first."""
    if finding.kind == kinds.UNFAIR:  # it asks about one group, and compares it with all
        return []
    since = finding.window.start if line.onset is None else datetime.fromtimestamp(line.onset, UTC)
    end = finding.window.end if line.end is None else datetime.fromtimestamp(line.end, UTC)
    bounds = selection.during(Window(context.start, end))
    found = store.arrow(selection.fill(_QUARTERS), {**bounds, "most": MOST_NUMBERS}).to_pylist()
    quarters = {row["name"]: row["borders"] for row in found}
    asked = {"since": since, "least": LEAST_ROWS, "most": MOST_GROUPS + 1}
    asked |= {"numbers": list(quarters), "borders": [list(borders) for borders in quarters.values()]}
    rows = [_spelt(row, quarters) for row in store.rows(selection.fill(_GROUPS), {**bounds, **asked})]
    whole = next((row for row in rows if not row["kind"]), None)
    aside = {f"feature.{finding.feature}", *segments.keys_of(finding.segment)}
    tried = [row for row in rows if row["kind"] and f"{row['kind']}.{row['name']}" not in aside]
    tried = [row for row in tried if whole is not None and whole["n"] - row["n"] >= LEAST_ROWS]
    found = _causes(finding, tried, whole, line) if whole is not None and tried else []
    return [_told(finding, cause, rates, at_least=selection.at_least) for cause, rates in found]


def _spelt(row: dict[str, Any], quarters: Mapping[str, Sequence[float]]) -> dict[str, Any]:
    """A quarter of a number's range as a group of a feature."""
    if row["kind"] != "quarter":
        return row
    place, borders = int(row["value"]), [f"{border:.4g}" for border in quarters[row["name"]]]
    between = [f"below {borders[0]}", *(" to ".join(pair) for pair in pairwise(borders)), f"{borders[-1]} and above"]
    return {**row, "kind": "feature", "value": between[place]}


def _causes(
    finding: Finding, tried: Sequence[dict[str, Any]], whole: dict[str, Any], line: Timeline
) -> list[tuple[Cause, tuple[float, float]]]:
    """The groups, each with the rate in it and that of the others."""
    now, before = (_rates(tried, *names) for names in (("hit", "n"), ("hit_before", "n_before")))
    others, others_before = (
        Rates(total.hit - part.hit, total.n - part.n)
        for total, part in ((_rates([whole], "hit", "n"), now), (_rates([whole], "hit_before", "n_before"), before))
    )
    q_values = false_discovery(_p_values(now, others, before, others_before))
    difference = now.rate - others.rate
    held = _held(now, others, before, others_before)
    least = LEAST_SHARE if finding.kind in ASKED else LEAST_SHARE_OF_A_SHIFT
    passes = (q_values < Q_VALUE) & (difference >= LEAST_DIFFERENCE) & (held >= least)
    flagged, spared = float(whole["hit"]), float(whole["n"] - whole["hit"])
    ratio, lower, upper = risk_ratio(now.hit, now.n - now.hit, flagged, spared, (flagged, spared))
    excess = np.clip(now.hit - others.rate * now.n, 0, None)
    strength = np.array([
        phi(np.array([own]), np.array([n - hit]), max(own, 1e-9), spared)[0]
        for own, n, hit in zip(excess, now.n, now.hit, strict=True)
    ])  # fmt: skip
    order = sorted(np.nonzero(passes)[0].tolist(), key=lambda at: -strength[at])
    return [
        (Cause(
            kind=tried[at]["kind"], service="", span_name="", attribute=tried[at]["name"], value=tried[at]["value"],
            flagged_share=float(now.hit[at] / max(flagged, 1e-9)),
            other_share=float((now.n[at] - now.hit[at]) / max(spared, 1e-9)),
            risk_ratio=float(ratio[at]), interval=(float(lower[at]), float(upper[at])),
            q_value=float(q_values[at]), support=round(float(now.hit[at])), score=float(strength[at]),
            since=line.since, sample_trace_ids=tuple(tried[at]["traces"]),
        ), (float(now.hit[at] / now.n[at]), float(others.hit[at] / others.n[at])))
        for at in order[:MOST]
    ]  # fmt: skip


def _told(finding: Finding, cause: Cause, rates: tuple[float, float], *, at_least: bool) -> Cause:
    named, shown = f"{cause.kind}.{cause.attribute}={cause.value}", (cause.since, cause.sample_trace_ids)
    return replace(cause, sentence=sentence.group(finding, named, rates, *shown, at_least=at_least))


def _rates(rows: Sequence[dict[str, Any]], hit: str, n: str) -> Rates:
    return Rates(*(np.array([row[name] for row in rows], float) for name in (hit, n)))


def _p_values(now: Rates, others: Rates, before: Rates, others_before: Rates) -> Floats:
    """Chance that a group is no worse than the others; where both were seen before, that it grew no more than they."""
    worse = np.array([
        two_proportions(np.array([own]), np.array([rest]), n, m)[0]
        for own, rest, n, m in zip(now.rate, others.rate, now.n, others.n, strict=True)
    ])  # fmt: skip
    grew = (now.rate - before.rate) - (others.rate - others_before.rate)
    error = np.sqrt(now.variance + others.variance + before.variance + others_before.variance)
    seen = (before.n >= LEAST_ROWS) & (others_before.n >= LEAST_ROWS)
    return np.where(seen, np.maximum(worse, ndtr(-grew / error)), worse)


def _held(now: Rates, others: Rates, before: Rates, others_before: Rates) -> Floats:
    """Share of what is flagged beyond the usual that lies in the group; 1 where nothing was seen before."""
    seen = (before.n >= LEAST_ROWS) & (others_before.n >= LEAST_ROWS)
    own = np.clip(now.n * (now.rate - before.rate), 0, None)
    rest = np.clip(others.n * (others.rate - others_before.rate), 0, None)
    return np.where(seen, own / np.maximum(own + rest, 1e-9), 1.0)


def merged(causes: Sequence[Cause], found: Sequence[Cause]) -> tuple[Cause, ...]:
    """What the traces and what the groups say: groups go first where they are stronger, and else only reflect it."""
    told = {(one.kind, one.attribute, one.value) for one in found}
    rest = [one for one in causes if (one.kind, one.attribute, one.value) not in told]
    if rest and found and rest[0].score >= found[0].score:
        return tuple(causes)
    return (*found, *rest)
