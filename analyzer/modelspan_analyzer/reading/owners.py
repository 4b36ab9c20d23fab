"""Who answers for a model's version, by one rule: who calls somebody, and who only shows it, name the same."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from modelspan_analyzer.reading.names import brief
from modelspan_collector.store.connect import Store

_SHOWN: Final = 10
"""Models that are named."""
_OWNERS: Final = """
SELECT model, version, argMax(c.owner, c.timestamp) AS owner, max(c.timestamp) AS at
FROM (
    SELECT model, version, tenant, owner, timestamp, uniqExact(tenant) OVER (PARTITION BY model) AS tenants
    FROM models FINAL WHERE {model:String} = '' OR model = {model:String}
) AS c
WHERE c.owner != '' AND (tenant = '' OR tenants = 1) GROUP BY model, version
"""


@dataclass(frozen=True, slots=True)
class Owners:
    """Whom the cards name."""

    of_versions: Mapping[tuple[str, str], str]
    of_models: Mapping[str, str]
    """The newest of each."""

    def of(self, model: str, version: str, settings: str) -> str:
        """The owner that the settings name; without one, that of the version's card, or of the model's newest card."""
        return settings or self.of_versions.get((model, version), "") or self.of_models.get(model, "")


def unowned(named: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """The models of which some version has no owner, of models and the owners of their versions."""
    return tuple(sorted({model for model, owner in named if not owner.strip()}))


def unowned_sentence(models: Sequence[str]) -> str:
    """That nobody answers for some models, by name; '' where somebody does for each.

    >>> unowned_sentence(["a", "b"])
    '2 models have no owner: a, b'
    """
    if not models:
        return ""
    more = f" and {len(models) - _SHOWN} more" if len(models) > _SHOWN else ""
    have = "model has" if len(models) == 1 else "models have"
    return f"{len(models):,} {have} no owner: {', '.join(map(brief, models[:_SHOWN]))}{more}"


def owners(store: Store, model: str = "") -> Owners:
    """Whom the cards that speak for all of a model name, of one model or of all."""
    rows = sorted(store.rows(_OWNERS, {"model": model}), key=lambda row: row["at"])
    of_versions = {(row["model"], row["version"]): str(row["owner"]) for row in rows}
    return Owners(of_versions, {row["model"]: str(row["owner"]) for row in rows})
