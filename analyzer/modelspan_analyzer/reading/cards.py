"""Which model card speaks for which rows: a tenant's for its own, nobody's for whoever has none."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final, NamedTuple

from modelspan_analyzer.files.outcomes import CLASSIFICATION, REGRESSION
from modelspan_collector.store.connect import Store

CARDS: Final = """(
    SELECT * FROM models FINAL WHERE model = {model:String}
    AND (tenant = '' OR (SELECT uniqExact(tenant) FROM models WHERE model = {model:String}) = 1)
)"""
"""SQL: the cards that speak for all of a model: nobody's, or those of the only tenant that sent any."""
_NEWEST: Final = """
SELECT tenant, task, classes FROM models FINAL WHERE model = {model:String} ORDER BY timestamp DESC LIMIT 1 BY tenant
"""
_TASK: Final = f"""
SELECT lower(task) AS task FROM {CARDS} WHERE task != '' ORDER BY timestamp DESC LIMIT 1
"""


class Card(NamedTuple):
    """What a card says of a model's answers."""

    task: str = ""
    classes: tuple[str, ...] = ()


def card_for(store: Store, model: str, tenants: Collection[str]) -> Card:
    """The newest card of a model for rows of some tenants; an empty one where none speaks for all of them.

    Args:
        store: the store.
        model: the model's name.
        tenants: whose rows they are; none where no row names a tenant.
    """
    newest = {row["tenant"]: Card(row["task"], tuple(row["classes"])) for row in store.rows(_NEWEST, {"model": model})}
    shared = newest.get("", Card())
    if not tenants:
        return next(iter(newest.values())) if len(newest) == 1 else shared
    spoken = {newest.get(tenant, shared) for tenant in tenants}
    return spoken.pop() if len(spoken) == 1 else Card()


def told_task(store: Store, model: str) -> str:
    """`classification`, `regression`, or '' where no card says."""
    found = store.rows(_TASK, {"model": model})
    words = found[0]["task"] if found else ""
    if "regress" in words or "forecast" in words:
        return REGRESSION
    return CLASSIFICATION if "class" in words or "binary" in words else ""
