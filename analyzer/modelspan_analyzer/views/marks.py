"""What happened to a model meanwhile: its versions, releases that changed it, and incidents."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from modelspan_analyzer.charts import Mark
from modelspan_analyzer.instants import utc
from modelspan_analyzer.results import Window
from modelspan_analyzer.views.query import Query
from modelspan_collector.store.connect import Store

_HAPPENED: Final = """
SELECT * FROM (
SELECT 'deployment' AS kind, coalesce(card.at, first.at) AS at,
       if(first.version = '', 'no version', concat('version ', first.version)) AS name,
       '' AS id
FROM (SELECT version, toDateTime64(min(hour), 3, 'UTC') AS at FROM feature_profiles
      WHERE model = {model:String} AND segment = '' AND source = 'model' GROUP BY version) AS first
LEFT JOIN (SELECT version, toDateTime64(max(deployed_at), 3, 'UTC') AS at FROM models FINAL
           WHERE model = {model:String} AND deployed_at IS NOT NULL GROUP BY version) AS card
ON first.version = card.version
WHERE at >= {start:DateTime64(9, 'UTC')} AND at <= {end:DateTime64(9, 'UTC')}
UNION ALL
SELECT 'deployment', toDateTime64(min(began_at), 3, 'UTC'),
       if(startsWith(release, service), release, concat(service, ' ', release)), '' FROM explanations
WHERE model = {model:String} AND release != ''
  AND began_at >= {start:DateTime64(9, 'UTC')} AND began_at <= {end:DateTime64(9, 'UTC')}
GROUP BY service, release
UNION ALL
SELECT 'incident', began_at, title, incident_id FROM incidents FINAL
WHERE model = {model:String}
  AND (version = {version:String}
       OR has(arrayMap(one -> JSONExtractString(one, 'version'), JSONExtractArrayRaw(findings)), {version:String}))
  AND began_at >= {start:DateTime64(9, 'UTC')} AND began_at <= {end:DateTime64(9, 'UTC')}
) ORDER BY at DESC LIMIT 30
"""


@dataclass(frozen=True, slots=True)
class Happening:
    """A deployment or an incident."""

    kind: str
    at: datetime
    name: str
    incident_id: str = ""

    @property
    def mark(self) -> Mark:
        """As charts take it."""
        return Mark(self.at, f"incident {self.incident_id}" if self.incident_id else self.name, self.kind)


def happened(store: Store, model: str, version: str, window: Window) -> tuple[list[Happening], Query]:
    """What happened in a stretch of time, the oldest first, and the query behind it."""
    scope = {"model": model, "version": version, "start": window.start, "end": window.end}
    query = Query("Deployments and incidents", _HAPPENED, scope)
    rows = store.rows(query.sql, query.parameters)
    found = [Happening(row["kind"], utc(row["at"]), row["name"], row["id"]) for row in rows]
    return found[::-1], query
