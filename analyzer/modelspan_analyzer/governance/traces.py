"""What a subject left in one database: ids, traces, and days whose sketches it is in."""

from __future__ import annotations

import json
from typing import Final

from modelspan_analyzer.governance.names import DAY, ID, TRACE, VALUE, Names
from modelspan_analyzer.governance.subject import Subject
from modelspan_collector.store.connect import Store

_ROWS: Final = """
SELECT prediction_id, trace_id, model, version, toString(toDate(timestamp)) AS day
FROM predictions
WHERE (prediction_id IN {ids} OR ({tag:String} != '' AND tags[{tag:String}] IN {values}))
  AND ({tenant:String} = '' OR tags['tenant'] = {tenant:String})
UNION ALL
SELECT prediction_id, '', model, version, ''
FROM reference_predictions
WHERE (prediction_id IN {ids} OR ({tag:String} != '' AND tags[{tag:String}] IN {values}))
  AND ({tenant:String} = '' OR tags['tenant'] IN ('', {tenant:String}))
UNION ALL
SELECT SpanAttributes['modelspan.prediction.id'], TraceId, '', '', ''
FROM otel_traces
WHERE (SpanAttributes['modelspan.prediction.id'] IN {ids}
       OR ({tag:String} != '' AND SpanAttributes[concat('modelspan.tag.', {tag:String})] IN {values}))
  AND ({tenant:String} = '' OR ResourceAttributes['modelspan.tenant'] = {tenant:String})
"""


def look(store: Store, subject: Subject, names: Names) -> int:
    """Note what predictions, baselines and spans of a database tell of a subject; returns how many names are new."""
    sql = _ROWS.replace("{ids}", names.chosen(ID)).replace("{values}", names.chosen(VALUE))
    rows = store.rows(sql, {"tag": subject.tag, "tenant": subject.tenant})
    days = {json.dumps([store.database, row["model"], row["version"], row["day"]]) for row in rows if row["day"]}
    names.add(DAY, days)
    return names.add(ID, (row["prediction_id"] for row in rows if row["prediction_id"])) + names.add(
        TRACE, (row["trace_id"] for row in rows if row["trace_id"])
    )
