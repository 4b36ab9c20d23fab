"""Who a version's answers reached."""

from __future__ import annotations

from collections.abc import Sequence

from modelspan.conventions import ROLE_PRIMARY
from modelspan_analyzer.reading.arrivals import newest, role_at
from modelspan_analyzer.results import Result, Verdict
from modelspan_collector.store.connect import Store

_ROLES = """
SELECT version, if(countIf(role = {primary:String}) > 0, {primary:String}, any(role)) AS role FROM predictions
WHERE model = {model:String} AND version IN {versions:Array(String)}
  AND timestamp >= {start:DateTime64(9, 'UTC')} AND timestamp < {end:DateTime64(9, 'UTC')}
GROUP BY version
"""


def roles(store: Store, results: Sequence[Result]) -> dict[str, str]:
    """The role of each version in the windows of one model's results, or the last that it had where it was silent.

    A version that also answered is primary.
    """
    names = {
        "model": results[0].model,
        "versions": sorted({result.version for result in results if result.version and result.n}),
        "start": min(result.window.start for result in results),
        "end": max(result.window.end for result in results),
        "primary": ROLE_PRIMARY,
    }
    answered = store.rows(_ROLES, names) if names["versions"] else []  # none in a silence
    found = {str(row["version"]): str(row["role"]) for row in answered}
    model, end = results[0].model, max(result.window.end for result in results)
    for version in {result.version for result in results if result.verdict is Verdict.ALARM} - found.keys():
        found[version] = role_at(store, model, version, newest(store, model, version, end))
    return found
