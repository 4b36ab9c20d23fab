"""Ranks what sets the flagged predictions apart, and finds what lies behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from modelspan_analyzer.why import precedence
from modelspan_analyzer.why.contrast import Contrast, Weights, contrast, effective_size, false_discovery
from modelspan_analyzer.why.mechanism import plausible
from modelspan_analyzer.why.position import Place
from modelspan_analyzer.why.table import FactTable

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Places = Mapping[tuple[str, str], Place]

Q_VALUE = 0.01
LEAST_SHARE = 0.2
"""Share of the excess that a cause must account for."""
LEAST_DIFFERENCE = 0.1
LEAST_PHI = 0.15
LEAST_RISK_RATIO = 1.3
SYNONYM = 0.85
"""Overlap (weighted Jaccard) from which two facts count as one."""
LEAST_OTHERS = 30
"""Other traces after the onset that are needed to compare with them; else what came before is compared with."""
RARE = 0.1
"""Share of the traces before the onset up to which a fact counts as new."""
RIVAL = 0.8
"""How near the first cause's correlation another must come to be named although it may only reflect it."""
MOST = 5


@dataclass(frozen=True, slots=True)
class Ranked:
    """One cause: positions of facts in the table, and the numbers it is reported with."""

    fact: int
    also: tuple[int, ...]
    within: int | None
    compared: Contrast
    q_values: Floats
    shows: Bools
    """Which traces show it."""
    began: bool
    """Whether it is known by having begun together with the finding, rather than by setting traces apart since."""


def rank(table: FactTable, weights: Weights, after: Bools, places: Places, kind: str) -> list[Ranked]:
    """The causes of a kind of finding, the likeliest first; empty where nothing stands out."""
    may = plausible(table, weights, places, kind)
    apart = _apart(table, weights, after, places, may)
    strong = bool(apart) and apart[0].compared.excess_share[apart[0].fact] >= 0.6
    if strong or after.all():
        return apart
    return [*_began(table, weights, after, places, may), *apart][:MOST]


def _apart(table: FactTable, weights: Weights, after: Bools, places: Places, may: Bools) -> list[Ranked]:
    """What sets flagged traces apart from the others of the same time."""
    if effective_size(weights.others) < LEAST_OTHERS or not len(table.keys):
        return []
    compared = contrast(table.matrix, weights)
    q_values = _q_values(compared, table, may)
    passes = may & _stands_out(compared, q_values)
    found = []
    for members in _clusters(table, weights, compared, passes):
        fresh = _fresh(members, table, weights, compared)
        fact = min(fresh, key=lambda index: precedence.order(table.keys[index], places))
        found.append(
            Ranked(fact, _without(members, fact), None, compared, q_values, _shows(table, fact) & after, began=False)
        )
    if found:
        found[0] = _origin(found[0], table, weights, places, passes)
        found[0] = _confined(found[0], table, weights, after, places, may)
    return _independent(_distinct(found), table, weights)[:MOST]


def _independent(found: list[Ranked], table: FactTable, weights: Weights) -> list[Ranked]:
    """Drop what only reflects the first cause: near rivals stay, and what stands out without it too."""
    if len(found) < 2:
        return found
    without = ~found[0].shows
    if effective_size(weights.flagged * without) < LEAST_OTHERS:
        rest = np.zeros(len(table.keys))
    else:
        rest = contrast(table.matrix, weights.only(without)).phi
    best = found[0].compared.phi[found[0].fact]
    return [
        one
        for position, one in enumerate(found)
        if position == 0 or one.compared.phi[one.fact] >= RIVAL * best or rest[one.fact] >= LEAST_PHI
    ]


def _q_values(compared: Contrast, table: FactTable, may: Bools) -> Floats:
    q_values = np.ones(len(table.keys))
    if may.any():
        q_values[may] = false_discovery(np.minimum(compared.p_value * table.trials, 1.0)[may])
    return q_values


def _stands_out(compared: Contrast, q_values: Floats) -> Bools:
    return np.asarray(
        (q_values < Q_VALUE)
        & (compared.excess_share >= LEAST_SHARE)
        & (compared.excess_share - compared.other_share >= LEAST_DIFFERENCE)
        & (compared.phi >= LEAST_PHI)
        & (compared.lower >= LEAST_RISK_RATIO)
    )


def _clusters(table: FactTable, weights: Weights, compared: Contrast, passes: Bools) -> list[list[int]]:
    """Facts that come together, strongest first; each group is led by its strongest fact."""
    left = [int(index) for index in np.argsort(-compared.phi) if passes[index]]
    mass = _balanced(weights)
    groups: list[list[int]] = []
    while left and len(groups) < 2 * MOST:
        leader = table.matrix[left[0]]
        rows = table.matrix[left]
        both = rows @ (leader * mass)
        overlap = both / np.maximum(rows @ mass + float(leader @ mass) - both, 1e-12)
        joined = overlap >= SYNONYM
        joined[0] = True
        groups.append([index for index, take in zip(left, joined, strict=True) if take])
        left = [index for index, take in zip(left, joined, strict=True) if not take]
    return groups


def _fresh(members: list[int], table: FactTable, weights: Weights, compared: Contrast) -> list[int]:
    """Of facts that come together, those that were rare before the onset, if any: they changed, the others did not."""
    usual = (weights.usual_flagged + weights.usual_others).astype(np.float32)
    if effective_size(usual.astype(float)) < LEAST_OTHERS:
        return members
    before = (table.matrix[members] @ usual) / float(usual.sum())
    strong = compared.phi[members] >= 0.95 * compared.phi[members].max()
    rare = [index for index, share, near in zip(members, before, strong, strict=True) if share <= RARE and near]
    return rare or members


def _balanced(weights: Weights) -> npt.NDArray[np.float32]:
    """Weights in which flagged and other traces count alike."""
    flagged, others = weights.flagged, weights.others
    return np.asarray(flagged / max(flagged.sum(), 1e-9) + others / max(others.sum(), 1e-9), np.float32)


def _origin(top: Ranked, table: FactTable, weights: Weights, places: Places, passes: Bools) -> Ranked:
    """Step back from a symptom to what it is confined to: the errors of one pod are the pod's."""
    if precedence.level(table.keys[top.fact], places) < precedence.SYMPTOM:
        return top
    symptom = table.matrix[top.fact]
    marked = symptom * weights.flagged.astype(np.float32)
    total = (weights.flagged + weights.others).astype(np.float32) * _reached(table, top.fact)
    coverage = (table.matrix @ marked) / max(float(marked.sum()), 1e-9)
    shown = table.matrix @ total
    with_symptom = table.matrix @ (total * symptom)
    risk = with_symptom / np.maximum(shown, 1e-9)
    elsewhere = (float(total @ symptom) - with_symptom) / np.maximum(float(total.sum()) - shown, 1e-9)
    deeper = (
        passes
        & (shown <= 0.95 * float(total.sum()))
        & np.array([precedence.level(key, places) <= precedence.UPSTREAM for key in table.keys])
        & (coverage >= 0.85)
        & (risk >= 5 * elsewhere)
        & (top.compared.excess_share >= 0.85 * top.compared.excess_share[top.fact])
    )
    if not deeper.any():
        return top
    best = np.nonzero(deeper)[0]
    strongest = best[top.compared.phi[best] >= 0.95 * top.compared.phi[best].max()]
    fact = int(min(strongest, key=lambda index: precedence.order(table.keys[index], places)))
    return Ranked(
        fact, (top.fact, *top.also), None, top.compared, top.q_values, _shows(table, fact) & (symptom > 0), began=False
    )


def _reached(table: FactTable, symptom: int) -> npt.NDArray[np.float32]:
    """Traces that have the symptom's span at all: only they could have shown it."""
    key = table.keys[symptom]
    span = replace(key, kind="span", attribute="", value="", above=True)
    return table.matrix[table.keys.index(span)] if span in table.keys else np.ones(table.matrix.shape[1], np.float32)


def _confined(top: Ranked, table: FactTable, weights: Weights, after: Bools, places: Places, may: Bools) -> Ranked:
    """Where a part of the traffic that was always there went bad: what became new in it, and only in it."""
    if after.all():
        return top
    part = table.matrix[top.fact]
    known = (weights.usual_flagged + weights.usual_others).astype(np.float32)
    if float(known @ part) < 0.05 * max(float((weights.flagged + weights.others) @ part), 1e-9):
        return top
    flagged, present = weights.flagged.astype(np.float32), (weights.flagged + weights.others).astype(np.float32)
    inside_now = _share(table, flagged * part)
    inside_then = _share(table, known * part)
    outside = _share(table, present * (1 - part)) - _share(table, known * (1 - part))
    new = (
        may
        & (inside_now - inside_then >= 0.75)
        & (inside_then <= 0.1)
        & (outside <= 0.1)
        & np.array([precedence.level(key, places) <= precedence.UPSTREAM for key in table.keys])
    )
    if not new.any():
        return top
    joint = contrast(table.matrix * part, weights)
    best = np.nonzero(new)[0]
    best = best[joint.phi[best] >= max(0.95 * joint.phi[best].max(), top.compared.phi[top.fact] - 0.02)]
    if not len(best):
        return top
    fact = int(min(best, key=lambda index: precedence.order(table.keys[index], places)))
    grew = _share(table, present) - _share(table, known)
    named, within = (fact, top.fact) if grew[fact] >= grew[top.fact] else (top.fact, fact)
    joint = contrast(table.matrix * table.matrix[within], weights)
    shows = _shows(table, named) & _shows(table, within) & after
    return Ranked(named, (), within, joint, top.q_values, shows, began=False)


def _share(table: FactTable, weights: npt.NDArray[np.float32]) -> Floats:
    return np.asarray((table.matrix @ weights) / max(float(weights.sum()), 1e-9), float)


def _began(table: FactTable, weights: Weights, after: Bools, places: Places, may: Bools) -> list[Ranked]:
    """What was first seen when the finding began, where the finding then holds for everything."""
    whole = weights.whole()
    usual = weights.usual_flagged + weights.usual_others
    if not len(table.keys) or effective_size(usual) < LEAST_OTHERS:
        return []
    compared = contrast(np.concatenate((table.matrix, after[None, :].astype(np.float32))), whole)
    q_values = np.ones(len(table.keys) + 1)
    q_values[:-1][may] = false_discovery(np.minimum(compared.p_value[:-1] * table.trials, 1.0)[may])
    ceiling = compared.phi[-1]
    flagged = np.asarray(_share(table, weights.flagged.astype(np.float32)))
    before = np.asarray(_share(table, usual.astype(np.float32)))
    passes = np.append(may & (flagged >= 0.8) & (before <= 0.1), False)
    passes &= _stands_out(compared, q_values) & (compared.phi >= 0.97 * ceiling)
    members = [int(index) for index in np.nonzero(passes)[0]]
    if not members:
        return []
    strongest = [index for index in members if compared.phi[index] >= compared.phi[members].max() - 0.01]
    fact = min(strongest, key=lambda index: precedence.order(table.keys[index], places))
    return [Ranked(fact, _without(members, fact), None, compared, q_values, _shows(table, fact), began=True)]


def _shows(table: FactTable, fact: int) -> Bools:
    return np.asarray(table.matrix[fact] > 0)


def _without(members: Sequence[int], fact: int) -> tuple[int, ...]:
    return tuple(index for index in members if index != fact)


def _distinct(found: list[Ranked]) -> list[Ranked]:
    """Drop what the first cause has taken in."""
    if not found:
        return found
    taken = {found[0].fact, *found[0].also, found[0].within}
    return [found[0], *(other for other in found[1:] if other.fact not in taken)]
