"""Tells the demo: start, serve, break, label, look."""

from __future__ import annotations

import json
import math
import time
import urllib.request
import webbrowser
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from urllib.parse import urlencode

import numpy as np
import pyarrow.parquet as parquet
from rich.table import Table

import modelspan
from modelspan_analyzer.alerts import AlertSettings, alert_of
from modelspan_analyzer.web.baselines import PARQUET_TYPE
from modelspan_cli.console import console
from modelspan_cli.demo import findings
from modelspan_cli.demo.model import Trained, train
from modelspan_cli.demo.service import (
    BROKEN_RELEASE,
    MODEL,
    SOUND_RELEASE,
    VERSION,
    FeatureStore,
    ScoringService,
    Served,
)
from modelspan_cli.demo.stack import Stack
from modelspan_collector.running import Running

WINDOW_SECONDS = 10
"""The length of a window in `monitors.yaml` beside this file."""
CHECK_SECONDS = 60.0
SHOWN_ALARMS = 8
terminal = console(markup=True)


def tell(data: Path, *, keep: bool, seconds: float, rate: float) -> bool:
    """Run the demo in a data folder; True if the break was found, and nothing before it."""
    terminal.print(f"[bold]1.[/] starting `modelspan up` on free ports, data in {data}")
    stack = Stack(data, "--monitors", str(Path(__file__).parent / "monitors.yaml"))
    try:
        running = stack.wait()
        found = _run(running, seconds, rate)
        _where_to_look(running, data, keep)
        if keep:
            webbrowser.open(page_of(running))
            stack.join()
        return found
    finally:
        stack.stop()


def _run(running: Running, seconds: float, rate: float) -> bool:
    trained = train()
    terminal.print(
        f"[bold]2.[/] trained {MODEL} {VERSION} on scikit-learn's breast cancer data; validation rows are the baseline"
    )
    chance = np.random.default_rng(11)
    _post_baseline(running, trained, chance)
    modelspan.configure(endpoint=running.otlp_url, service_name="scoring")
    service = ScoringService(trained, chance)

    sound = FeatureStore(running.otlp_url, SOUND_RELEASE, False, chance)
    broken = FeatureStore(running.otlp_url, BROKEN_RELEASE, True, chance)
    start = _next_window()
    served, broke = _serve(service, sound, seconds, rate)
    terminal.print(
        f"[bold]3.[/] served {len(served):,} predictions from a sound feature store (release {SOUND_RELEASE})"
    )
    more, end = _serve(service, broken, seconds, rate)
    sound.close()
    broken.close()
    terminal.print(
        f"[bold]4.[/] feature-store {BROKEN_RELEASE} came and runs into time-outs: {len(more):,} more predictions, "
        "some of them with features missing"
    )
    labelled = service.send_labels(served + more)
    service.close()
    terminal.print(f"[bold]5.[/] sent {labelled:,} labels; waiting for the analyzer to look at the last window")
    if not findings.wait_until_checked(running, end, CHECK_SECONDS):
        terminal.print(f"[red]the analyzer did not look at all windows within {CHECK_SECONDS:.0f} s[/]")
        return False
    verdicts = findings.verdicts(running, start, broke, end)
    made = len(served) + len(more)
    _show(findings.counts(running, made, labelled, CHECK_SECONDS), verdicts, made)
    return verdicts.found and _show_incident(running)


def _next_window() -> datetime:
    """Wait for the start of a window, so that each phase fills its own."""
    boundary = math.ceil(time.time() / WINDOW_SECONDS) * WINDOW_SECONDS
    time.sleep(max(0.0, boundary - time.time()))
    return datetime.fromtimestamp(boundary, UTC)


def _serve(service: ScoringService, store: FeatureStore, seconds: float, rate: float) -> tuple[list[Served], datetime]:
    """Serve until the windows of this phase are full; returns what was served, and when the phase ended."""
    phase = max(1, round(seconds / WINDOW_SECONDS)) * WINDOW_SECONDS
    served = service.serve(store, phase - 0.1, rate)
    return served, _next_window()


def _post_baseline(running: Running, trained: Trained, chance: np.random.Generator) -> None:
    sink = BytesIO()
    parquet.write_table(trained.baseline(chance), sink)
    columns = {"prediction": "prediction", "score": "score", "label": "label", "source": "validation rows of the demo"}
    query = urlencode({"model": MODEL, "version": VERSION, **columns})
    request = urllib.request.Request(  # noqa: S310 - the instance that this demo started
        f"{running.web_url}/api/baselines?{query}", data=sink.getvalue(), headers={"Content-Type": PARQUET_TYPE}
    )
    urllib.request.urlopen(request, timeout=60).close()  # noqa: S310


def _show(counts: dict[str, int], verdicts: findings.Verdicts, made: int) -> None:
    terminal.print(
        f"\n[bold]stored[/]: {counts['predictions']:,} predictions of {made:,} made, {counts['spans']:,} spans; "
        f"{counts['joined']:,} predictions joined with their feature-store span, {counts['labelled']:,} with a label"
    )
    terminal.print(f"[bold]before the break[/]: {_words(len(verdicts.before))}")
    terminal.print(f"[bold]after the break[/]: {_words(len(verdicts.after))}")
    table = Table("signal", "metric", "feature", "value", "why", box=None, padding=(0, 2))
    for alarm in verdicts.after[:SHOWN_ALARMS]:
        table.add_row(alarm["signal"], alarm["metric"], alarm["feature"], f"{alarm['worst']:g}", alarm["reason"])
    terminal.print(table)


def _show_incident(running: Running) -> bool:
    """The incident that the analyzer opened, with its reason, and the alert as Alertmanager gets it."""
    incident = findings.incident(running)
    if incident is None:
        terminal.print("[red]no incident was opened[/]")
        return False
    terminal.print(f"\n[bold]why[/]: {incident.why or 'nothing in the traces explains it'}", highlight=False)
    terminal.print(f"[bold]incident {incident.incident_id}[/] ({incident.severity.value}): {incident.title}")
    alert = alert_of(incident, incident.severity, AlertSettings(web=running.web_url), incident.updated_at)
    terminal.print("[bold]the alert as Alertmanager gets it[/]:")
    terminal.print_json(json.dumps(alert.as_json()))
    return "feature-store" in incident.why


def _words(alarms: int) -> str:
    return f"[red]{alarms} alarms[/]" if alarms else "[green]healthy, no alarm[/]"


def _where_to_look(running: Running, data: Path, keep: bool) -> None:
    sql = (
        "SELECT t.StatusMessage, count() AS predictions, countIf(notEmpty(p.null_features)) AS missing_features "
        "FROM predictions AS p JOIN otel_traces AS t ON t.TraceId = p.trace_id "
        "WHERE t.ServiceName = 'feature-store' GROUP BY 1"
    )
    terminal.print("\n[bold]see it yourself[/]")
    terminal.print(f'  modelspan sql --data {data} "{sql}"', soft_wrap=True)
    terminal.print(
        f'  modelspan sql --data {data} "SELECT SpanName, count() FROM otel_traces GROUP BY 1"', soft_wrap=True
    )
    terminal.print(f"  modelspan status --data {data}", soft_wrap=True)
    if keep:
        terminal.print(
            f"\nstill running, until Ctrl-C: SQL {running.sql_dsn}, metrics {running.web_url}/metrics", soft_wrap=True
        )
    else:
        terminal.print("\n`make demo KEEP=1` leaves it running; docs/quickstart.md puts your own model into it")
    terminal.print(f"the incident's page{'' if keep else ', as long as it runs'}: {page_of(running)}", soft_wrap=True)


def page_of(running: Running) -> str:
    """The address of the page of the demo's incident; of its model, where no incident was opened."""
    found = findings.incident(running)
    about = f"/incidents/{found.incident_id}" if found else f"/model?{urlencode({'model': MODEL})}"
    return running.web_url + about
