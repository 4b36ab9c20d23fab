"""Every act of governance, done as a user does it, and what `modelspan audit` then tells of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

from modelspan_cli.demo.stack import Stack

SERVE = """
import modelspan

for version, owner, role in (("1", "ann", "primary"), ("2", "bob", "shadow")):
    modelspan.register("churn", version, owner=owner, task="binary", classes=["0", "1"], role=role)
    for at in range(3):
        with modelspan.prediction("churn", version, role=role, prediction_id=f"{version}-{at}-{'x' * 12}") as made:
            made.features = {"age": 40.0 + at}
            made.value = 0.5
with modelspan.prediction("churn", "2", prediction_id="promoted") as made:
    made.features = {"age": 50.0}
    made.value = 0.7
assert modelspan.flush()
"""


def cli(*arguments: str) -> str:
    """Run one modelspan command and return what it prints."""
    command = [sys.executable, "-m", "modelspan_cli", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_act_is_told(tmp_path: Path) -> None:
    """Registration, promotion, thresholds, labels and their correction, a baseline, an export, a deletion: by whom."""
    data = tmp_path / "data"
    data.mkdir()
    here = ("--data", str(data))
    stack = Stack(data)
    try:
        endpoint = {"OTEL_EXPORTER_OTLP_ENDPOINT": stack.wait().otlp_url}
        subprocess.run([sys.executable, "-c", SERVE], env={**os.environ, **endpoint}, check=True, timeout=60)
    finally:
        stack.stop()
    for share in (0.1, 0.2):
        (tmp_path / "monitors.yaml").write_text(f"defaults: {{performance: {{min_change: {share}}}}}\n")
        cli("analyzer", "once", "--monitors", str(tmp_path / "monitors.yaml"), *here)
    person = "1-0-xxxxxxxxxxxx"
    for label in ("yes", "no"):
        (tmp_path / "labels.csv").write_text(f"prediction_id,label\n{person},{label}\n")
        cli("labels", str(tmp_path / "labels.csv"), "--model", "churn", *here)
    now = datetime.now(UTC)
    span = [f"{now + timedelta(hours=hours):%Y-%m-%dT%H:%M:%S}" for hours in (-1, 1)]
    cli("baseline", "set", "--model", "churn", "--version", "1", "--start", span[0], "--end", span[1], *here)
    cli("backup", str(tmp_path / "backup"), *here)
    cli("forget", "--prediction-id", person, "--actor", "dpo", *here)
    entries = json.loads(cli("audit", "--json", *here))
    told = Counter(entry["action"] for entry in entries)
    assert told == {
        "model registered": 2,
        "model promoted": 2,
        "settings changed": 4,  # two versions, twice
        "labels loaded": 2,
        "labels corrected": 1,
        "baseline set": 1,
        "data exported": 1,
        "subject forgotten": 1,
    }
    promoted = [json.loads(entry["details"])["before"] for entry in entries if entry["action"] == "model promoted"]
    assert promoted == ["1", ""]  # newest first
    (changed, *_) = [json.loads(entry["details"]) for entry in entries if entry["action"] == "settings changed"]
    assert changed["changed"] == {"performance.min_change": [0.1, 0.2]}
    assert {entry["actor"] for entry in entries if entry["action"] == "subject forgotten"} == {"dpo"}
    assert person not in json.dumps(entries)
    assert all(entry["actor"] for entry in entries)
