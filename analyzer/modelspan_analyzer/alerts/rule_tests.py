"""Unit tests of the rule file for promtool: alerts are tried on simulated series before they are needed."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from modelspan_analyzer.alerts.alert import ACKNOWLEDGED, LABELS, NAME
from modelspan_analyzer.alerts.rules import rule_file, rules
from modelspan_analyzer.config.alert_settings import AlertSettings
from modelspan_analyzer.monitors.quality.monitor import DATA_QUALITY

STEP = 30
"""Seconds between simulated samples."""
RULES_FILE, TESTS_FILE = "modelspan-rules.yaml", "modelspan-rules-test.yaml"
_WHY = "96 % of the predictions with `income` missing came through `feature-store GET /profile`"


class PromtoolError(Exception):
    """promtool is missing, or refuses what was generated; the message holds its words."""


@dataclass(frozen=True, slots=True)
class Owned:
    """A model of `monitors.yaml` and who is called for it."""

    model: str
    version: str
    owner: str


def rule_tests(settings: AlertSettings, models: Sequence[Owned]) -> str:
    """The text of the test file: every rule fires on what it is for, and stays silent otherwise."""
    chosen = list(models) or [Owned("churn", "1.0.0", "")]
    tests = [_incident(settings, owned) for owned in chosen] + [
        *_held_through(settings, chosen[0].model),
        _rise(settings, chosen[0].model),
        _acknowledged(chosen[0].model),
        _maintenance(settings, chosen[0].model),
        *_silence(settings, chosen[0].model),
        *_gauges(settings, chosen[0].model),
        _down(settings),
    ]
    return yaml.safe_dump(
        {"rule_files": [RULES_FILE], "evaluation_interval": f"{STEP}s", "tests": tests}, sort_keys=False, width=160
    )


def check(settings: AlertSettings, models: Sequence[Owned], promtool: str = "promtool") -> str:
    """Check the rule file and run its tests with promtool, and return what it said.

    Raises:
        PromtoolError: it is not installed, or a check or test fails.
    """
    if shutil.which(promtool) is None:
        raise PromtoolError(
            f"{promtool!r} is not installed; it comes with Prometheus (Debian: apt-get install prometheus)"
        )
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / RULES_FILE).write_text(rule_file(settings), encoding="utf-8")
        (Path(folder) / TESTS_FILE).write_text(rule_tests(settings, models), encoding="utf-8")
        said = [
            _run([promtool, "check", "rules", RULES_FILE], folder),
            _run([promtool, "test", "rules", TESTS_FILE], folder),
        ]
    return "\n".join(said)


def _run(command: Sequence[str], folder: str) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode != 0:
        raise PromtoolError(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")
    return done.stdout.strip()


def _incident(settings: AlertSettings, owned: Owned) -> dict[str, Any]:
    """Opens after five minutes, fires once it has been held, and resolves when the incident does."""
    labels = _labels(owned.model, "critical", owned.version, owned.owner)
    info = {"incident": "abc123", "summary": f"{owned.model}: data quality in income", "why": _WHY}
    held = settings.hold.total_seconds()
    opened = int(held // STEP) + 39
    series = [
        _series("modelspan_incident", labels, f"_x10 1x{opened} 0x40"),
        _series("modelspan_incident_info", info, f"_x10 1x{opened} _x40"),
        _series("modelspan_maintenance", {"model": owned.model}, f"0x{opened + 50}"),
    ]
    given = {name: text for name, text in labels.items() if text}
    fires = {"exp_labels": given, "exp_annotations": _annotations(settings, info)}
    return _test(
        f"incident of {owned.model} {owned.version}",
        series,
        [_expect(200, NAME, []), _expect(12 * STEP + held, NAME, [fires]), _expect((opened + 26) * STEP, NAME, [])],
    )


def _labels(model: str, severity: str, version: str = "", owner: str = "") -> dict[str, str]:
    return dict(zip(LABELS, (model, version, "primary", DATA_QUALITY.name, severity, owner, "abc123"), strict=True))


def _held_through(settings: AlertSettings, model: str) -> list[dict[str, Any]]:
    """One alert, without a break, through missed scrapes and through a restart as another process or pod."""
    held, away = int(settings.hold.total_seconds() // STEP) + 4, int(settings.remember.total_seconds() // STEP) - 2
    labels, first, second = _labels(model, "warning"), {"instance": "a:8600"}, {"instance": "b:8600"}
    cases = {
        "a missed scrape": [_series("modelspan_incident", labels | first, f"1x{held} _ _ 1x{held} stale _ 1x{held}")],
        "a restart": [
            _series("modelspan_incident", labels | first, f"1x{held} stale"),
            _series("modelspan_incident", labels | second, f"_x{held + away} 1x{held} 0x{held}"),
        ],
    }
    ends = {"a missed scrape": 3 * held + 5, "a restart": 2 * held + away}
    tests = []
    for what, series in cases.items():
        end = ends[what]
        asked = [_asked(NAME, at * STEP, labels) for at in (*range(held, end, max(1, end // 12)), end)]
        asked += [_asked(NAME, (end + 4) * STEP)] if what == "a restart" else []
        name = f"an incident through {what}"
        tests.append({"interval": f"{STEP}s", "name": name, "input_series": series, "promql_expr_test": asked})
    return tests


def _rise(settings: AlertSettings, model: str) -> dict[str, Any]:
    """The milder alert goes on, the graver one comes beside it, and both end when the incident does."""
    held = int(settings.hold.total_seconds() // STEP) + 4
    mild, grave = _labels(model, "warning"), _labels(model, "critical")
    return {
        "interval": f"{STEP}s",
        "name": "an incident that becomes graver",
        "input_series": [
            _series("modelspan_incident", mild, f"1x{2 * held} 0x9"),
            _series("modelspan_incident", grave, f"_x{held} 1x{held} 0x9"),
        ],
        "promql_expr_test": [
            _asked(NAME, held * STEP, mild),
            _asked(NAME, 2 * held * STEP, grave, mild),
            _asked(NAME, (2 * held + 2) * STEP),
        ],
    }


def _acknowledged(model: str) -> dict[str, Any]:
    """Says so at once, also through a missed scrape, and no more when the incident is over."""
    labels = {"incident": "abc123", "model": model}
    said = labels | {"severity": "none"}
    return {
        "interval": f"{STEP}s",
        "name": "an incident that somebody acknowledged",
        "input_series": [_series("modelspan_incident_acknowledged", labels, "0x4 1 _ 1x4 0x9")],
        "promql_expr_test": [
            _asked(ACKNOWLEDGED, 3 * STEP),
            *(_asked(ACKNOWLEDGED, at * STEP, said) for at in (5, 6, 10)),
            _asked(ACKNOWLEDGED, 12 * STEP),
        ],
    }


def _asked(alert: str, at: float, *firing: Mapping[str, str]) -> dict[str, Any]:
    """Which alerts of a name fire at a moment, by their labels; asked of ALERTS, so that no text need be repeated."""
    series = f'ALERTS{{alertname="{alert}", alertstate="firing"'
    samples = [{"labels": f"{series}, {_text(labels)}}}", "value": 1} for labels in firing]
    return {"expr": f"{series}}}", "eval_time": f"{at:g}s", "exp_samples": samples}


def _maintenance(settings: AlertSettings, model: str) -> dict[str, Any]:
    """Held back, also where the scrape that would say so is missed."""
    held = settings.hold.total_seconds()
    steps = int(held // STEP)
    series = [
        _series("modelspan_incident", _labels(model, "warning"), f"1x{steps + 60}"),
        _series("modelspan_maintenance", {"model": model}, f"1x{steps + 30} _x30"),
    ]
    return _test("an incident under maintenance", series, [_expect(at * STEP + held, NAME, []) for at in (20, 30, 36)])


def _silence(settings: AlertSettings, model: str) -> list[dict[str, Any]]:
    """Each model by its own limit: one that answers all the time, and one that does so once a day."""
    steps = int(settings.hold.total_seconds() // STEP) + 4
    tests = []
    for limit in (settings.silent_after.total_seconds(), 26.4 * 3600):
        most = _series("modelspan_prediction_age_limit_seconds", {"model": model}, f"{limit:g}x{steps + 2}")
        for age in (limit - 60, limit + 60):
            gauge = ("modelspan_prediction_age_seconds", {"model": model}, f"{age:g}x{steps + 2}")
            tests.append(_fires("ModelPredictionsAbsent", gauge, steps * STEP, age > limit, most))
    return tests


def _gauges(settings: AlertSettings, model: str) -> list[dict[str, Any]]:
    """One test a rule on a gauge: silent on the healthy value, firing on the sick one."""
    lag, behind = settings.lag.total_seconds(), settings.behind.total_seconds()
    stalled, held = settings.stalled_after.total_seconds(), settings.hold.total_seconds()
    cases = [
        ("ModelRunsFail", "modelspan_runs_failed_last_hour", {"model": model}, "0x{n}", "2x{n}"),
        ("ModelAnalysisLags", "modelspan_analysis_lag_seconds", {"model": model}, "60x{n}", f"{behind + 60:g}x{{n}}"),
        (
            "ModelspanCollectorLags",
            "modelspan_collector_lag_seconds",
            {"signal": "traces"},
            "1x{n}",
            f"{lag + 60:g}x{{n}}",
        ),
        ("ModelspanDeadLetters", "modelspan_collector_dead_letters_total", {"signal": "logs"}, "0x{n}", "0+1x{n}"),
        (
            "ModelRunsStalled",
            "modelspan_run_success_timestamp_seconds",
            {"model": model},
            f"{stalled:g}+{STEP}x{{n}}",
            f"-{stalled + STEP:g}x{{n}}",
        ),
    ]
    steps = int(held // STEP) + 4
    return [
        _fires(alert, (metric, labels, values.format(n=steps + 2)), steps * STEP, sick)
        for alert, metric, labels, *both in cases
        for values, sick in zip(both, (False, True), strict=True)
    ]


def _fires(
    alert: str, gauge: tuple[str, Mapping[str, str], str], at: float, sick: bool, *beside: dict[str, str]
) -> dict[str, Any]:
    """A rule on a gauge (its metric, labels and values), with series beside it: it fires on the sick value alone."""
    metric, labels, values = gauge
    return {
        "interval": f"{STEP}s",
        "name": f"{alert} on {'a sick' if sick else 'a healthy'} value",
        "input_series": [_series(metric, labels, values), *beside],
        "promql_expr_test": [_asked(alert, at, *([{"severity": "warning", **labels}] if sick else []))],
    }


def _down(settings: AlertSettings) -> dict[str, Any]:
    """modelspan stops after five minutes."""
    series = [_series("modelspan_heartbeat_timestamp_seconds", {}, "100+30x10 _x40")]
    texts = {rule.alert: dict(rule.annotations) for rule in rules(settings)}
    down = {"exp_labels": {"severity": "critical"}, "exp_annotations": texts["ModelspanDown"]}
    alive = {"exp_labels": {"severity": "none"}, "exp_annotations": texts["ModelspanHeartbeat"]}
    late = 300 + 330 + 120 + settings.hold.total_seconds() + 2 * STEP
    return _test(
        "modelspan stops",
        series,
        [
            _expect(150, "ModelspanDown", []),
            _expect(150, "ModelspanHeartbeat", [alive]),
            _expect(late, "ModelspanDown", [down]),
            _expect(late, "ModelspanHeartbeat", []),
        ],
    )


def _annotations(settings: AlertSettings, info: Mapping[str, str]) -> dict[str, str]:
    incident = rules(settings)[0]
    return {name: info.get(name, "") for name in incident.annotations}


def _series(metric: str, labels: Mapping[str, str], values: str) -> dict[str, str]:
    return {"series": f"{metric}{{{_text(labels)}}}", "values": values}


def _text(labels: Mapping[str, str]) -> str:
    """Labels as PromQL writes them, whose texts have the escapes of JSON's."""
    return ", ".join(f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in labels.items() if value)


def _expect(at: float, alert: str, alerts: list[dict[str, Any]]) -> dict[str, Any]:
    return {"eval_time": f"{at:g}s", "alertname": alert, "exp_alerts": alerts}


def _test(name: str, series: list[dict[str, str]], expected: list[dict[str, Any]]) -> dict[str, Any]:
    return {"interval": f"{STEP}s", "name": name, "input_series": series, "alert_rule_test": expected}
