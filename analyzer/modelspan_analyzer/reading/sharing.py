"""Models of which several tenants of one database send predictions: results, baselines, incidents are of all of them.

Labels, cards and erasure are kept apart by tenant; what is measured is of a model's name. So it is said, wherever
somebody reads or sets what is shared, what would keep them apart.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from modelspan_collector.store.connect import Store

_SHARED: Final = """
SELECT model, arraySort(groupUniqArrayIf(1000)(tags['tenant'], tags['tenant'] != '')) AS tenants
FROM predictions
WHERE timestamp > {since:DateTime64(3, 'UTC')} - INTERVAL 1 DAY AND received_at > {since:DateTime64(3, 'UTC')}
  AND ({model:String} = '' OR model = {model:String})
GROUP BY model HAVING length(tenants) > 1 ORDER BY model
"""
_SHOWN: Final = 5
"""Tenants that are named."""


def shared_models(store: Store, since: datetime, model: str = "") -> Mapping[str, Sequence[str]]:
    """The tenants of each model of whose predictions several sent some since a moment; rows of nobody do not count.

    Rows of a day before that and earlier, as of a history that is sent again, are not looked at.
    """
    return {row["model"]: row["tenants"] for row in store.rows(_SHARED, {"since": since, "model": model})}


def sentence(model: str, tenants: Sequence[str]) -> str:
    """What it means for a model, and what to do."""
    more = f" and {len(tenants) - _SHOWN} more" if len(tenants) > _SHOWN else ""
    return (
        f"{model} is of several tenants ({', '.join(tenants[:_SHOWN])}{more}), which are measured together: they share "
        "its baseline, its alarms and its incidents. Where they should not, give each a database of its own "
        "(`database=NAME` in the file of tokens); `segments: [tag.tenant]` measures each beside the whole"
    )
