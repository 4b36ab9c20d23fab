"""Which reasons two versions give: the ranking of their features, also where the versions do not share all of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from modelspan_analyzer.reading.attributions import Importance, importances
from modelspan_analyzer.reading.rows import Rows
from modelspan_analyzer.statistics.attribution.ranking import attribution_ndcg
from modelspan_collector.store.connect import Store


@dataclass(frozen=True, slots=True)
class Reason:
    """One feature in both versions; what a version does not use is None there."""

    feature: str
    champion_rank: int | None
    challenger_rank: int | None
    champion_share: float | None
    """Of the mean absolute attributions of all the version's features: versions need not share a unit."""
    challenger_share: float | None
    champion_direction: str = ""
    challenger_direction: str = ""

    @property
    def moved(self) -> float:
        """Change of the share; a feature that is not used has none."""
        return (self.challenger_share or 0.0) - (self.champion_share or 0.0)


@dataclass(frozen=True, slots=True)
class ReasonsCompared:
    """How the reasons of two versions differ."""

    features: tuple[Reason, ...]
    """The most important ones in either version first."""
    gained: tuple[str, ...]
    """Features that only the challenger attributes anything to."""
    lost: tuple[str, ...]
    ndcg: float
    """Of the challenger's ranking, graded by the champion's importances: 1 where the order is kept."""
    shared_ndcg: float | None
    """The same over the features that both have, which a new feature does not lower; None with fewer than two."""


def compare_reasons(store: Store, model: str, champion: Rows, challenger: Rows) -> ReasonsCompared | None:
    """Compare attributions, logged or computed by the attribution monitor; None where a version has none."""
    before, after = (importances(store, rows, model) for rows in (champion, challenger))
    return rank_reasons(before, after) if before and after else None


def rank_reasons(champion: Sequence[Importance], challenger: Sequence[Importance]) -> ReasonsCompared:
    """The same from importances, each sorted from the most important feature down."""
    before, after = _ranked(champion), _ranked(challenger)
    features = [_reason(name, before.get(name), after.get(name)) for name in before.keys() | after.keys()]
    features.sort(key=lambda one: (-max(one.champion_share or 0, one.challenger_share or 0), one.feature))
    shared = before.keys() & after.keys()
    sizes = [{name: found[name][1].importance for name in found} for found in (before, after)]
    common = [{name: size[name] for name in shared} for size in sizes]
    return ReasonsCompared(
        features=tuple(features),
        gained=tuple(sorted(after.keys() - before.keys())),
        lost=tuple(sorted(before.keys() - after.keys())),
        ndcg=attribution_ndcg(*sizes),
        shared_ndcg=_known(attribution_ndcg(*common)) if len(shared) >= 2 else None,
    )


_Place = tuple[int, Importance, float]


def _ranked(found: Sequence[Importance]) -> dict[str, _Place]:
    """Rank from 1, importance and share of each feature that has any importance."""
    used = [one for one in found if one.importance > 0]
    total = sum(one.importance for one in used)
    return {one.feature: (rank, one, one.importance / total) for rank, one in enumerate(used, start=1)}


def _reason(name: str, before: _Place | None, after: _Place | None) -> Reason:
    return Reason(
        name,
        before[0] if before else None,
        after[0] if after else None,
        before[2] if before else None,
        after[2] if after else None,
        before[1].direction if before else "",
        after[1].direction if after else "",
    )


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None
