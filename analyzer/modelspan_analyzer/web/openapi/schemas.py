"""What is answered, as JSON Schema: of one model, result, incident, explanation, baseline."""

from __future__ import annotations

from typing import Final

from modelspan_analyzer.governance.decisions import DECISIONS
from modelspan_analyzer.incidents.feedback import OPINIONS
from modelspan_analyzer.incidents.incident import OPEN, RESOLVED, Severity
from modelspan_analyzer.incidents.steps import STEPS
from modelspan_analyzer.kinds import KINDS
from modelspan_analyzer.reading.stages import APPROVALS, STAGES
from modelspan_analyzer.results import Verdict
from modelspan_analyzer.web.openapi.vocabulary import (
    ANYTHING,
    COUNT,
    NUMBER,
    TEXT,
    TEXTS,
    TIME,
    TRUTH,
    Schema,
    listed,
    or_none,
    record,
)

ERROR: Final = record(error={"type": "string", "description": "what is wrong, and what to do, in a sentence"})
STATUS: Final = {"type": "string", "enum": [OPEN, RESOLVED]}
OPINION: Final = {"type": "string", "enum": list(OPINIONS)}
STEP: Final = {"type": "string", "enum": list(STEPS)}
KIND: Final = {"type": "string", "enum": list(KINDS)}
VERDICT: Final = {"type": "string", "enum": [verdict.value for verdict in Verdict]}
_SEVERITY: Final = {"type": "string", "enum": [severity.value for severity in Severity]}

MODEL: Final = record(
    model=TEXT,
    version=TEXT,
    predictions=COUNT,
    first=or_none(TIME),
    last=or_none(TIME),
    alarms=COUNT,
    open_incidents=COUNT,
    checked=or_none(TIME),
)
RESULT: Final = record(
    model=TEXT,
    version=TEXT,
    window_start=TIME,
    window_end=TIME,
    signal=TEXT,
    metric=TEXT,
    feature=TEXT,
    segment=TEXT,
    value=or_none(NUMBER),
    lower=or_none(NUMBER),
    upper=or_none(NUMBER),
    threshold=or_none(NUMBER),
    direction=TEXT,
    verdict=VERDICT,
    p_value=or_none(NUMBER),
    n=COUNT,
    n_baseline=COUNT,
    monitor=TEXT,
    reason=TEXT,
)
DECISION: Final = {"type": "string", "enum": list(DECISIONS)}
STAGED: Final = record(
    model=TEXT,
    version=TEXT,
    stage={"type": "string", "enum": ["", *STAGES]},
    stage_by=TEXT,
    stage_reason=TEXT,
    stage_at=or_none(TIME),
    approval={"type": "string", "enum": ["", *APPROVALS]},
    approved_by=TEXT,
    approval_reason=TEXT,
    approval_at=or_none(TIME),
    card_changed=TEXTS,
    against_stage=TEXT,
    against_approval=TEXT,
    contradictions=TEXTS,
    history=listed(record(at=TIME, kind=TEXT, decision=TEXT, actor=TEXT, reason=TEXT, card_changed=TEXTS)),
)
_WINDOW: Final[dict[str, Schema]] = {
    "model": TEXT,
    "version": TEXT,
    "feature": TEXT,
    "grain": TEXT,
    "window_start": TIME,
    "rows": NUMBER,
    "missing": NUMBER,
    "mean": or_none(NUMBER),
}
DRIFTED: Final = record(
    **_WINDOW,
    complete=TRUTH,
    psi_baseline=or_none(NUMBER),
    psi_before=or_none(NUMBER),
    before=or_none(TIME),
    baseline_id=TEXT,
)
HELD: Final = record(
    **_WINDOW,
    numeric=NUMBER,
    textual=NUMBER,
    endless=NUMBER,
    finite=NUMBER,
    values=or_none(listed(NUMBER)),
    weights=or_none(listed(NUMBER)),
    categories=listed(record(value=TEXT, weight=NUMBER)),
)
_FINDING: Final = record(
    version=TEXT, signal=TEXT, metric=TEXT, feature=TEXT, segment=TEXT, reason=TEXT, window_end=TIME, ended=TRUTH
)
_INCIDENT: Final[dict[str, Schema]] = {
    "incident_id": TEXT,
    "model": TEXT,
    "version": TEXT,
    "status": STATUS,
    "severity": _SEVERITY,
    "signal": TEXT,
    "title": TEXT,
    "why": TEXT,
    "began_at": TIME,
    "opened_at": TIME,
    "updated_at": TIME,
    "resolved_at": or_none(TIME),
    "owner": TEXT,
    "acknowledged_at": or_none(TIME),
    "acknowledged_by": TEXT,
    "assignee": TEXT,
    "action": TEXT,
    "outcome": TEXT,
    "closed_by": TEXT,
    "affected": COUNT,
    "findings": listed(_FINDING),
    "traces": TEXTS,
}
INCIDENT: Final = record(**_INCIDENT)
INCIDENT_WHOLE: Final = record(**_INCIDENT, timeline=listed(record(at=TIME, kind=TEXT, text=TEXT, actor=TEXT)))
FEEDBACK: Final = record(model=TEXT, monitor=TEXT, useful=COUNT, noise=COUNT, mostly_noise=TRUTH)
EXPLANATION: Final = record(
    model=TEXT,
    versions=TEXTS,
    kind=KIND,
    feature=TEXT,
    segment=TEXT,
    window=listed(TIME),
    sentence=TEXT,
    causes=listed(ANYTHING),
    n_flagged=COUNT,
    n_other=COUNT,
    seconds=NUMBER,
    truncated=TRUTH,
    since=or_none(TIME),
)
BASELINE: Final = record(baseline_id=TEXT, model=TEXT, version=or_none(TEXT), kind=TEXT, source=TEXT, created_at=TIME)
LABELS: Final = record(labels=COUNT, assumed=TEXTS, left_out=TEXTS)
