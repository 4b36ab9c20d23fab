"""Every public door, and the line of the tables that goes through it; what is no door for predictions says why.

A command, a route, an event of the collector, a monitor or a name of `modelspan` that is in neither list fails a test:
a way in or out that no test has walked is where rows were lost without a word.
"""

from __future__ import annotations

from collections.abc import Iterator

from starlette.routing import Route

import modelspan
from modelspan import conventions
from modelspan_analyzer.monitors.table import MONITORS
from modelspan_cli.main import COMMANDS
from modelspan_collector.otlp.signals import SIGNALS
from modelspan_collector.receive.http import CLOUDEVENTS


def _forms(path: str) -> list[str]:
    """A page, and the same view as JSON and as CSV."""
    stem = "/index" if path == "/" else path
    return [f"GET {path}", f"GET {stem}.json", f"GET {stem}.csv"]


THROUGH: dict[str, str] = {
    **dict.fromkeys([*_forms("/incidents"), *_forms("/incidents/{incident_id}")], "incidents"),
    **dict.fromkeys(_forms("/prediction"), "prediction page"),
    **dict.fromkeys(_forms("/sql"), "SQL page"),
    "modelspan.observe": "single call",
    "modelspan.prediction": "block of code",
    "modelspan.instrument": "estimator",
    "modelspan.label": "pandas",
    "modelspan.tags": "single call",
    "modelspan.configure": "single call",
    "modelspan.flush": "single call",
    "event modelspan.predictions": "replay",
    "event modelspan.labels": "replay",
    "otlp /v1/traces": "plain spans",
    "otlp /v1/logs": "replay",
    "command replay": "replay",
    "command labels": "plain spans",
    "POST /api/labels": "plain spans",
    "command baseline": "drift",
    "POST /api/baselines": "drift",
    "command check": "quality",
    "command analyzer": "quality",
    "command why": "why",
    "GET /api/why": "why",
    "command incidents": "incidents",
    "GET /api/incidents": "incidents",
    "GET /api/incidents/{incident_id}": "incidents",
    "command forget": "forgotten",
    "POST /api/forget": "forgotten",
    "command backup": "restored",
    "command restore": "restored",
    "POST /api/backups": "restored",
    "command sql": "rows by SQL",
    "monitor data_drift": "drift",
    "monitor prediction_drift": "drift",
    "monitor data_quality": "quality",
    "monitor performance": "performance",
    "monitor fairness": "fairness by tag",
    "monitor slices": "slices",
    "monitor prediction_slices": "slices",
    "monitor quality_slices": "slices",
}
"""Doors, and the source or reader of the tables whose function they call."""

_PAGE = "shows stored results and counts; tested in integration/analyzer/"
_CONTROL = "tells or steers what runs, and shows no number of predictions"
_LISTS = "lists what was set or said before, not predictions"
_STAGED = (
    "tells what people decided of versions, not predictions; tested in integration/lifecycle/test_lifecycle_told.py"
)
_CARD = "takes a model's card, no prediction; tested in integration/collector/test_collector_predictions.py"
_DRAWS = "draws samples of the rows that the reader `predictions` compares, and fits models; its numbers are tested in"

NO_DOOR: dict[str, str] = {
    "modelspan.prediction_id": "gives an id and takes nothing",
    "modelspan.prediction_ids": "gives ids and takes nothing",
    "modelspan.register": _CARD,
    "modelspan.truncate": "a rule of redaction at the source; tested in integration/sdk/test_sdk_privacy.py",
    "event modelspan.model": _CARD,
    "otlp /v1/metrics": "metrics do not become predictions; tested in integration/collector/test_collector_otlp.py",
    "cloudevents /v1/cloudevents": "tested in integration/collector/test_collector_cloudevents.py",
    "command up": _CONTROL,
    "command demo": "plays the single call and prints; tested in e2e/test_up.py",
    "command collector": "runs the collector that all gated sources go through",
    "command status": "counts rows by the SQL of the reader `predictions`; tested in e2e/test_up.py",
    "command explain": "explains one row, by id; tested in integration/explain/test_explain_store.py",
    "command compare": "compares two versions; tested in integration/performance/test_performance_shadow.py",
    "command report": "shows stored results; tested in integration/reports/test_reports.py",
    "command digest": "shows stored results and counts; tested in integration/reports/test_digest.py",
    "command import": "sends as `replay` does; tested in integration/analyzer/test_import_capture.py",
    "command drift": "compares two files without a store; tested in unit/two_frames/test_two_frames.py",
    "command audit": _LISTS,
    "command monitors": _CONTROL,
    "command constraints": "writes what the baseline holds; tested in integration/analyzer/test_analyzer_monitors.py",
    "command feedback": _LISTS,
    "command alerts": "sends what the reader `incidents` compares; tested in e2e/test_alerts_analyzer.py",
    "command schema": _CONTROL,
    "GET /api/baselines": _LISTS,
    "POST /api/incidents/{incident_id}/feedback": _CONTROL,
    "POST /api/incidents/{incident_id}/steps": "tested in integration/incidents/test_incidents_steps.py",
    "GET /api/feedback": _LISTS,
    "command stage": _STAGED,
    "GET /api/models/{model:path}/stages": _STAGED,
    "POST /api/models/{model:path}/stages": _STAGED,
    "POST /model/stages": _STAGED,
    "GET /api/openapi.json": "describes the interface; tested in integration/analyzer/test_web_openapi.py",
    "GET /api/models": "counts rows as `status` does; tested in integration/analyzer/test_web_openapi.py",
    "GET /api/drift": "shows a view; tested in integration/analyzer/test_analyzer_grains.py",
    "GET /api/feature_windows": "shows a view; tested in integration/analyzer/test_analyzer_grains.py",
    "GET /api/results": "shows stored results; tested in integration/analyzer/test_web_openapi.py",
    "GET /api/moved": "asks of a service, not of a model; tested in integration/why/test_why_commands.py",
    "GET /api/breakdown": "tells time and cost, of spans; tested in integration/why/test_why_breakdown.py",
    **dict.fromkeys(_forms("/"), f"{_PAGE}test_web_pages.py"),
    **dict.fromkeys(_forms("/digest"), "shows stored results and counts; tested in integration/reports/test_digest.py"),
    **dict.fromkeys([*_forms("/model"), *_forms("/feature"), *_forms("/compare")], f"{_PAGE}test_web_pages.py"),
    **dict.fromkeys(_forms("/monitors"), f"{_PAGE}test_web_incident.py"),
    "GET /static/{name}": _CONTROL,
    "POST /incidents/{incident_id}": _CONTROL,
    "POST /incidents/{incident_id}/steps": "tested in integration/incidents/test_incidents_steps.py",
    "GET /metrics": "shows stored results; tested in integration/alerts/test_alerts_http.py",
    "GET /healthz": _CONTROL,
    "GET /readyz": _CONTROL,
    "monitor metrics": "gives what somebody asks for; tested in integration/analyzer/test_analyzer_own_metrics.py",
    "monitor experiments": "compares two sides; tested in integration/experiments/test_experiments.py",
    "monitor lifecycle": "judges what people told; tested in integration/lifecycle/test_lifecycle_monitor.py",
    "monitor worst_slices": f"{_DRAWS} integration/analyzer/test_analyzer_monitors.py",
    "monitor worst_slices_by_outcome": f"{_DRAWS} integration/analyzer/test_analyzer_worst_slices.py",
    "monitor multivariate": f"{_DRAWS} integration/analyzer/test_analyzer_multivariate.py",
    "monitor embedding": f"{_DRAWS} integration/analyzer/test_analyzer_embedding.py",
    "monitor poisoning": f"{_DRAWS} integration/analyzer/test_analyzer_poisoning.py",
    "monitor latency": "times differ by the way in; tested in integration/analyzer/test_analyzer_latency.py",
    "monitor fairness_slices": "tested in integration/analyzer/test_analyzer_slices_laws.py",
    "monitor estimation_slices": f"{_DRAWS} integration/analyzer/test_analyzer_slices_laws.py",
    "monitor estimation": f"{_DRAWS} integration/estimation/test_estimation_monitor.py",
    "monitor concept": f"{_DRAWS} unit/performance/test_performance_concept.py",
    "monitor attribution": f"{_DRAWS} integration/explain/test_explain_store.py",
    "monitor robustness": f"{_DRAWS} unit/explain/test_explain_robustness.py",
}
"""What is no door for predictions, and why."""


def doors(routes: list[Route]) -> Iterator[str]:
    """All that a user can call: names, commands, events, paths, monitors."""
    yield from (f"modelspan.{name}" for name in modelspan.__all__)
    yield from (f"command {command.name}" for command in COMMANDS)
    events = {name: getattr(conventions, name) for name in dir(conventions) if name.startswith("EVENT_")}
    yield from (f"event {event}" for name, event in events.items() if name != "EVENT_PREFIX")
    yield from (f"otlp {signal.http_path}" for signal in SIGNALS)
    yield f"cloudevents {CLOUDEVENTS}"
    yield from (f"monitor {monitor.name}" for monitor in MONITORS)
    for route in routes:
        yield from (f"{method} {route.path}" for method in route.methods or () if method != "HEAD")
