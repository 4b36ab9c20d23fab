"""Every operation of the HTTP interface, in one table.

Requests are checked by it (`web/asking.py` refuses names that it does not have), and `/api/openapi.json` is made from
it, so that what is described is what is done. A test compares it with the routes of the application.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from modelspan_analyzer.files.date_order import ORDERS
from modelspan_analyzer.files.outcomes import TASKS
from modelspan_analyzer.files.times import UNITS
from modelspan_analyzer.web.openapi import schemas
from modelspan_analyzer.web.openapi.vocabulary import (
    ANYTHING,
    TEXT,
    TEXTS,
    TRUTH,
    Body,
    Operation,
    Parameter,
    listed,
    record,
)
from modelspan_analyzer.web.uploads import TABLE_TYPES
from modelspan_analyzer.whylogs.profile_file import MEDIA_TYPE as PROFILE_TYPE

JSON_TYPE: Final = "application/json"
MOST_RESULTS: Final = 10_000
GRAINS: Final = ("hour", "day", "week")

_MODEL: Final = Parameter("model", "of this model alone")
_VERSION: Final = Parameter("version", "of this version alone")
_SINCE: Final = Parameter("since", "start, as ISO 8601 (UTC) or as a time before `until`, such as 2h; the last day")
_UNTIL: Final = Parameter("until", "end, as ISO 8601 (UTC); now")
_FEATURE: Final = Parameter("feature", "of this feature alone")
_SEGMENT: Final = Parameter("segment", "of these predictions alone, as tag.country=DE or feature.plan=pro")
_NAMED: Final = Parameter("model", "of this model", required=True, in_path=True)
_INCIDENT: Final = Parameter("incident_id", "of the incident", required=True, in_path=True)
_ACTOR: Final = Parameter("actor", "who does it, for the audit log; with tokens it is the token's name")
_SOURCE: Final = Parameter("source", "where the rows came from, for the audit log")
_TASK: Final = Parameter("task", "what the model does, where the rows leave it open", schema={"enum": list(TASKS)})
_ID: Final = Parameter("id", "column of the prediction id")
_LABEL: Final = Parameter("label", "column of what was true")
_WRITTEN: Final = (
    Parameter("encoding", "of a text, such as cp1251; told by its bytes"),
    Parameter("skip_rows", "lines above the header; told by the lines", schema={"type": "integer", "minimum": 0}),
    Parameter("date_order", "of dates such as 26/01/31; told by the column", schema={"enum": list(ORDERS)}),
)

_WINDOWS: Final = (
    Parameter("model", "of this model", required=True), _VERSION,
    Parameter("feature", "a feature's name, or prediction.value or prediction.label", required=True),
    Parameter("grain", "length of a window; weeks are from Monday, UTC", required=True, schema={"enum": list(GRAINS)}),
    Parameter("since", "windows that begin from then on; without it, all that are kept"), _UNTIL,
)  # fmt: skip
_READ: Final = (
    Operation("GET", "/api/models", "Every model and version: predictions, newest verdicts, open incidents",
              listed(schemas.MODEL), (_MODEL,)),
    Operation("GET", "/api/models/{model:path}/stages", "Stage and approval of each version of a model, as people "
              "told them, with every decision and what contradicts it", listed(schemas.STAGED), (_NAMED,)),
    Operation("GET", "/api/results", "What the monitors measured, the newest window first", listed(schemas.RESULT), (
        Parameter("model", "of this model", required=True), _VERSION,
        Parameter("signal", "such as data_drift"), Parameter("metric", "such as psi"), _FEATURE, _SEGMENT,
        Parameter("verdict", "with this verdict alone", schema=schemas.VERDICT),
        Parameter("since", "windows that end after it; without it, all that are kept"), _UNTIL,
        Parameter("limit", "rows at most; 1000", schema={"type": "integer", "minimum": 1, "maximum": MOST_RESULTS}))),
    Operation("GET", "/api/drift", "How one feature moved: each window beside the baseline and the window before it",
              listed(schemas.DRIFTED), _WINDOWS),
    Operation("GET", "/api/feature_windows", "What the windows of one feature hold", listed(schemas.HELD), _WINDOWS),
    Operation("GET", "/api/baselines", "What models are compared with, the newest first", listed(schemas.BASELINE),
              (_MODEL,)),
    Operation("GET", "/api/incidents", "Incidents, the newest first", listed(schemas.INCIDENT),
              (_MODEL, Parameter("status", "with this status alone", schema=schemas.STATUS))),
    Operation("GET", "/api/incidents/{incident_id}", "One incident with its timeline", schemas.INCIDENT_WHOLE,
              (_INCIDENT,)),
    Operation("GET", "/api/feedback", "Which monitors people found useful, and which noise", listed(schemas.FEEDBACK)),
    Operation("GET", "/api/why", "Why a model, or what an incident is about, went another way than it should",
              listed(schemas.EXPLANATION),
              (Parameter("about", "a model, or the id of an incident", required=True), _SINCE, _UNTIL, _FEATURE,
               _SEGMENT,
               Parameter("kind", "ask this of all predictions of the time, whatever the monitors say",
                         schema=schemas.KIND))),
    Operation("GET", "/api/moved", "Which rates of which models a service or its release moved", listed(ANYTHING),
              (Parameter("service", "its `service.name`", required=True), _SINCE, _UNTIL)),
    Operation("GET", "/api/breakdown", "Where a model's time and money go", ANYTHING,
              (Parameter("model", "of this model", required=True), _SINCE, _UNTIL)),
    Operation("GET", "/api/openapi.json", "This description", ANYTHING),
    Operation("GET", "/healthz", "Whether the process answers", record(status=TEXT)),
    Operation("GET", "/readyz", "Whether it takes data, and how far the store is behind; 503 where not", ANYTHING),
    Operation("GET", "/metrics", "The newest results, incidents and the collector's own numbers, for Prometheus", None,
              answer_type="text/plain"),
)  # fmt: skip
_TABLE: Final = Body(TABLE_TYPES, "a table, in any form that `modelspan labels` reads")
_TIME: Final = (
    Parameter("time", "column of the time"),
    Parameter("time_unit", "of times that are numbers", schema={"enum": list(UNITS)}),
)
_POSTED: Final = (
    Operation(
        "POST", "/api/labels", "Load what was true", schemas.LABELS,
        (_ID, _LABEL, *_TIME, _MODEL, _TASK, _SOURCE, _ACTOR, *_WRITTEN,
         Parameter("outcome", "what they are of, such as revenue; the label if not given")),
        _TABLE, 201),
    Operation(
        "POST", "/api/baselines", "Set what a model is compared with: a table, or `start` and `end` of its own past",
        schemas.BASELINE,
        (Parameter("model", "of this model", required=True), _VERSION,
         Parameter("start", "with a JSON object as body: start of the past window"),
         Parameter("end", "and its end"),
         Parameter("prediction", "column of the prediction"), Parameter("score", "column of the score"),
         _LABEL, _ID, *_TIME,
         Parameter("tag", "columns that are tags", repeated=True),
         Parameter("features", "columns that are features, and no others", repeated=True),
         Parameter("feature", "a column that is a feature though it does not look like one", repeated=True),
         Parameter("score_scale", "what a sure score is, such as 100, or logit; 1"),
         Parameter("settled", "1 where the sender has said what it leaves out", schema={"enum": ["1"]}),
         _TASK, _SOURCE, *_WRITTEN),
        Body((*TABLE_TYPES, PROFILE_TYPE, JSON_TYPE), "a table, whylogs profiles, or {} with `start` and `end`"), 201),
    Operation(
        "POST", "/api/incidents/{incident_id}/feedback", "Say what an incident was worth", record(status=TEXT),
        (_INCIDENT,),
        Body((JSON_TYPE,), "an opinion",
             {"type": "object", "required": ["opinion"],
              "properties": {"opinion": schemas.OPINION, "actor": TEXT, "comment": TEXT}}), 201),
    Operation(
        "POST", "/api/incidents/{incident_id}/steps", "Do something about an incident; the answer has it as it is then",
        schemas.INCIDENT_WHOLE, (_INCIDENT,),
        Body((JSON_TYPE,), "a step, and what is said with it: whom it is assigned to, what was done, what it came to",
             {"type": "object", "required": ["step"],
              "properties": {"step": schemas.STEP, "text": TEXT, "actor": TEXT}}), 201),
    Operation(
        "POST", "/api/models/{model:path}/stages", "Put a version into a stage, approve or reject it; the answer has "
        "it as it is then", schemas.STAGED, (_NAMED,),
        Body((JSON_TYPE,), "what is decided of which version, and why; `unseen` where it has no card and no prediction",
             {"type": "object", "required": ["version", "decision", "reason"],
              "properties": {"version": TEXT, "decision": schemas.DECISION, "reason": TEXT, "actor": TEXT,
                             "unseen": TRUTH}}), 201),
    Operation(
        "POST", "/api/backups", "Back the store up into a folder of its machine", ANYTHING, (),
        Body((JSON_TYPE,), "the folder",
             {"type": "object", "required": ["folder"],
              "properties": {"folder": TEXT, "database": TEXT, "actor": TEXT}})),
    Operation(
        "POST", "/api/forget", "Erase every row of a person, by prediction ids or by a tag", ANYTHING, (),
        Body((JSON_TYPE,), "whom to forget",
             {"type": "object", "properties": {"prediction_ids": TEXTS, "tag": TEXT, "value": TEXT, "tenant": TEXT,
                                               "every_tenant": TRUTH, "databases": TEXTS, "actor": TEXT}})),
)  # fmt: skip
OPERATIONS: Final = (*_READ, *_POSTED)
BODIES: Final[Mapping[str, frozenset[str]]] = {
    operation.door: operation.body.names for operation in OPERATIONS if operation.body and operation.body.names
}
"""The names of the JSON object that each operation takes: a misspelt one would be left out without a word."""
KNOWN: Final[Mapping[str, frozenset[str]]] = {operation.door: operation.names for operation in OPERATIONS}
"""The names that each operation takes, by `METHOD /path`: a misspelt one would be a condition that is not looked at."""
