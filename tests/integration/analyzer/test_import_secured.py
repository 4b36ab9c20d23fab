"""`modelspan import` beside an instance whose collector asks for TLS and tokens."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from modelspan_analyzer.instance import Instance, InstanceConfig
from modelspan_cli.main import main
from modelspan_collector.access.tls import Tls
from modelspan_collector.config import CollectorConfig
from modelspan_collector.store.connect import DEFAULT_DATABASE

TOKEN, OWN = "a-token-long-enough", "a_tenants_own"


def test_rows_go_over_tls_into_the_database_of_the_token(
    engine_dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Found by the token, as is what was there already; without a token it is said what is missing."""
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=elsewhere"]
    subprocess.run([*command, "-keyout", "key.pem", "-out", "cert.pem"], cwd=tmp_path, check=True, capture_output=True)
    (tmp_path / "tokens").write_text(f"{TOKEN} tenant=acme database={OWN}\n")
    line = {"id": "a", "timestamp": 1769868000, "request": {"inputs": [[1]]}, "response": {"predictions": [2.5]}}
    (tmp_path / "log.jsonl").write_text(json.dumps(line))
    collector = CollectorConfig(
        tmp_path / "collector",
        grpc_port=0,
        http_port=0,
        tls=Tls(tmp_path / "cert.pem", tmp_path / "key.pem"),
        tokens=tmp_path / "tokens",
    )
    made = Instance(InstanceConfig(tmp_path, engine_dsn, collector, sql_port=0, web_port=0))
    made.start()
    asked = ["import", "mlflow", str(tmp_path / "log.jsonl"), "--model", "m", "--version", "1", "--data", str(tmp_path)]
    try:
        monkeypatch.delenv("OTEL_EXPORTER_OTLP_HEADERS", raising=False)
        assert main(asked) == 1
        assert "authorization=Bearer%20TOKEN" in capsys.readouterr().err
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", f"authorization=Bearer%20{TOKEN}")
        for answer in ("1 predictions of m imported", "1 were there already"):
            assert main(asked) == 0, capsys.readouterr().err
            assert answer in capsys.readouterr().out
            made.collector.flush()
        assert made.store.scalar(f"SELECT count() FROM {OWN}.predictions WHERE model = 'm'") == 1
    finally:
        for database in (OWN, DEFAULT_DATABASE):
            made.store.command(f"DROP DATABASE IF EXISTS {database}")
        made.stop()
