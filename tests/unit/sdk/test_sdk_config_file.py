"""Where records go by OpenTelemetry's declarative file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from support import need

from modelspan import _config_file
from modelspan.telemetry.providers import make_resource


def read(monkeypatch: pytest.MonkeyPatch, folder: Path, **sections: Any) -> Any:
    """The settings by a file of these sections."""
    need("opentelemetry.configuration")
    file = folder / "otel.yaml"
    file.write_text(yaml.safe_dump({"file_format": "1.0", **sections}))
    monkeypatch.setenv("OTEL_CONFIG_FILE", str(file))
    return _config_file.settings()


def provider(*exporters: dict[str, Any]) -> dict[str, Any]:
    return {"processors": [{"batch": {"exporter": exporter}} for exporter in exporters]}


def test_the_exporter_of_logs_says_where_and_how(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Address, headers, time and TLS are the file's, variables in it included; `OTEL_*` counts for nothing."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://elsewhere:1")
    monkeypatch.setenv("SECRET", "s3cret")
    exporter = {
        "endpoint": "https://otlp.example/v1/logs",
        "headers": [{"name": "Authorization", "value": "Bearer ${SECRET}"}],
        "headers_list": "tenant=acme",
        "timeout": 2500,
        "tls": {"ca_file": "ca.pem", "cert_file": "cert.pem", "key_file": "key.pem"},
    }
    found = read(monkeypatch, tmp_path, logger_provider=provider({"console": {}}, {"otlp_http": exporter})).records
    assert (found.url, found.timeout, found.grpc) == ("https://otlp.example/v1/logs", 2.5, False)
    assert found.headers == {"authorization": "Bearer s3cret", "tenant": "acme"}
    assert (found.certificate, found.client_certificate, found.client_key) == ("ca.pem", "cert.pem", "key.pem")


@pytest.mark.parametrize(
    ("endpoint", "tls", "url"),
    [
        ("http://otlp.example:4317", {}, "http://otlp.example:4317"),
        ("otlp.example:4317", {"insecure": True}, "http://otlp.example:4317"),
        ("otlp.example:4317", {}, "https://otlp.example:4317"),
    ],
)
def test_grpc(endpoint: str, tls: dict[str, Any], url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The short form of an address is encrypted, unless the file says that it is not."""
    exporter = {"otlp_grpc": {"endpoint": endpoint, "tls": tls}}
    found = read(monkeypatch, tmp_path, logger_provider=provider(exporter)).records
    assert (found.url, found.grpc) == (url, True)


@pytest.mark.swallows("has no OTLP exporter of logs, and prediction records go where its traces do")
def test_without_an_exporter_of_logs_records_go_beside_the_traces(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The log says so, and how to say otherwise."""
    exporter = {"otlp_http": {"endpoint": "http://otlp.example/base/v1/traces"}}
    assert (
        read(monkeypatch, tmp_path, tracer_provider=provider(exporter)).records.url
        == "http://otlp.example/base/v1/logs"
    )


@pytest.mark.swallows("prediction records are not sent")
def test_without_any_exporter_that_tells_records_go_nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """They are never sent to a default that the file does not name."""
    exporter = {"otlp_http": {"endpoint": "http://otlp.example/ingest"}}
    assert read(monkeypatch, tmp_path, tracer_provider=provider(exporter)).records.url == ""


def test_an_argument_wins(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An endpoint in code is where records go."""
    read(monkeypatch, tmp_path, logger_provider=provider({"otlp_http": {"endpoint": "http://otlp.example/v1/logs"}}))
    assert _config_file.settings(endpoint="http://given:1").records.url == "http://given:1/v1/logs"


def test_the_service_is_the_one_of_the_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where nothing has made providers of it yet; the variable of OpenTelemetry counts for nothing then."""
    monkeypatch.setenv("OTEL_SERVICE_NAME", "elsewhere")
    told = {"attributes": [{"name": "service.name", "value": "scoring"}], "attributes_list": "team=risk,service.name=x"}
    logs = provider({"otlp_http": {"endpoint": "http://otlp.example/v1/logs"}})
    found = make_resource(read(monkeypatch, tmp_path, resource=told, logger_provider=logs)).attributes
    assert (found["service.name"], found["team"]) == ("scoring", "risk")
    assert found["service.instance.id"]


def test_a_file_that_switches_off(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """`disabled` is what `OTEL_SDK_DISABLED` is."""
    assert read(monkeypatch, tmp_path, disabled=True).disabled


def test_a_file_that_cannot_be_read_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error says which file and why."""
    need("opentelemetry.configuration")
    monkeypatch.setenv("OTEL_CONFIG_FILE", "/nowhere.yaml")
    with pytest.raises(ValueError, match=r"OTEL_CONFIG_FILE is '/nowhere\.yaml', which cannot be read: .*not found"):
        _config_file.settings()
