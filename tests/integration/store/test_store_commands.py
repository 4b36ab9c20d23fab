"""`modelspan schema`, `backup` and `restore` as a person runs them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def _modelspan(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = Path(sys.executable).with_name("modelspan")
    return subprocess.run([command, *arguments], capture_output=True, text=True)


def test_schema_print_writes_ddl_for_one_server_and_for_a_cluster() -> None:
    """The DDL goes to standard output, ready for any client."""
    single = _modelspan("schema", "print")
    clustered = _modelspan("schema", "print", "--cluster", "prod", "--replicated")
    assert "CREATE TABLE IF NOT EXISTS predictions\n" in single.stdout
    assert "ON CLUSTER 'prod'" in clustered.stdout
    assert clustered.stdout.count("ENGINE = Distributed(") == single.stdout.count("MergeTree")
    wrong = _modelspan("schema", "print", "--replicated")
    assert wrong.returncode == 1
    assert "hint: add --cluster NAME" in wrong.stderr


def test_apply_backup_and_restore_from_the_command_line(tmp_path: Path) -> None:
    """An empty store with a retention of its own, backed up and restored beside it."""
    first, second, folder = (str(tmp_path / name) for name in ("first", "second", "backup"))
    applied = _modelspan("schema", "apply", "--data", first, "--ttl", "otel_traces=7")
    assert applied.returncode == 0, applied.stderr
    assert "schema version" in applied.stderr
    shown = _modelspan("sql", "--data", first, "SELECT engine_full FROM system.tables WHERE name = 'otel_traces'")
    assert "toIntervalDay(7)" in shown.stdout, shown.stderr
    assert _modelspan("backup", folder, "--data", first).returncode == 0
    assert _modelspan("restore", folder, "--data", second).returncode == 0
    again = _modelspan("backup", folder, "--data", first)
    assert again.returncode == 1
    assert "exists already" in again.stderr
