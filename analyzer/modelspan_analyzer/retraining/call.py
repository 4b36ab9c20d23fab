"""Posts a signed webhook, or runs a command with the evidence on its standard input."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from typing import Any, Final

from modelspan_analyzer.config.outcome_settings import RetrainingRule
from modelspan_analyzer.incidents import Incident
from modelspan_analyzer.results import Result
from modelspan_analyzer.webhook import PostError, post_signed

TIMEOUT_SECONDS: Final = 30.0


class CallError(RuntimeError):
    """A retraining call failed; the message says how."""


def payload(rule: RetrainingRule, results: Sequence[Result], incidents: Sequence[Incident] = ()) -> dict[str, Any]:
    """What is sent: a GitHub repository dispatch (`event_type`, `client_payload`) and an Airflow run (`conf`)."""
    facts = {
        "rule": rule.name,
        "model": results[0].model,
        "version": results[0].version,
        "evidence": [
            {
                "window_start": result.window.start.isoformat(),
                "window_end": result.window.end.isoformat(),
                "signal": result.signal,
                "metric": result.metric,
                "feature": result.feature,
                "segment": result.segment,
                "value": result.value,
                "threshold": result.threshold,
                "reason": result.reason,
            }
            for result in results
        ],
        "incidents": [
            {
                "incident_id": one.incident_id,
                "title": one.title,
                "severity": one.severity.value,
                "began_at": one.began_at.isoformat(),
                "cause": one.cause,
                "why": one.why,
            }
            for one in incidents
        ],
    }
    return {"event_type": "modelspan-retrain", "client_payload": facts, "conf": facts}


def call(rule: RetrainingRule, results: Sequence[Result], incidents: Sequence[Incident] = ()) -> str:
    """Do what the rule says; returns the answer in a few words.

    Args:
        rule: the rule.
        results: what made it fire.
        incidents: the open ones that these results are findings of.

    Raises:
        CallError: the webhook did not answer with success, the command failed, or the key is missing.
    """
    body = json.dumps(payload(rule, results, incidents), sort_keys=True).encode()
    if rule.webhook:
        return _post(rule, body)
    if rule.command:
        return _run(rule, body)
    raise CallError(f"the retraining rule {rule.name!r} has neither a webhook nor a command")


def _post(rule: RetrainingRule, body: bytes) -> str:
    try:
        answer = post_signed(
            rule.webhook, body, headers=rule.headers, secret_env=rule.secret_env, timeout=TIMEOUT_SECONDS
        )
    except PostError as error:
        raise CallError(f"the webhook did not take the call: {error}") from error
    return f"HTTP {answer.status}"


def _run(rule: RetrainingRule, body: bytes) -> str:
    try:
        done = subprocess.run(rule.command, input=body, capture_output=True, timeout=TIMEOUT_SECONDS, check=False)  # noqa: S603 - the operator's own command, no shell
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CallError(f"{rule.command[0]!r} could not be run: {error}") from error
    if done.returncode:
        raise CallError(
            f"{rule.command[0]!r} ended with {done.returncode}: {done.stderr.decode(errors='replace')[:200]}"
        )
    return "exit status 0"
