"""Who answers for a model's version, by one rule: who calls somebody, and who only shows it, name the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from modelspan_collector.store.connect import Store

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


def owners(store: Store, model: str = "") -> Owners:
    """Whom the cards that speak for all of a model name, of one model or of all."""
    rows = sorted(store.rows(_OWNERS, {"model": model}), key=lambda row: row["at"])
    of_versions = {(row["model"], row["version"]): str(row["owner"]) for row in rows}
    return Owners(of_versions, {row["model"]: str(row["owner"]) for row in rows})
