"""Settings from arguments and environment."""

from __future__ import annotations

import pytest

from modelspan import _settings


def test_defaults() -> None:
    """Without anything, everything goes to the collector of this machine."""
    found = _settings.from_environment({})
    assert found.records.url == "http://127.0.0.1:4318/v1/logs"
    assert (found.sample_rate, found.span_features) == (1.0, True)


def test_signal_wins_over_general_and_argument_over_both() -> None:
    """The more special a setting is, the more it counts."""
    environ = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://general:1/",
        "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT": "http://logs:2/own",
        "OTEL_EXPORTER_OTLP_HEADERS": "a=1,b=2%203",
        "OTEL_EXPORTER_OTLP_LOGS_HEADERS": "b=4",
        "OTEL_EXPORTER_OTLP_COMPRESSION": "gzip",
    }
    found = _settings.from_environment(environ, headers={"C": "5"})
    assert (found.records.url, found.spans.url) == ("http://logs:2/own", "http://general:1/v1/traces")
    assert found.records.headers == {"a": "1", "b": "4", "c": "5"}
    assert found.spans.headers["b"] == "2 3"
    assert (found.records.gzip, found.spans.gzip) == (False, True)
    assert _settings.from_environment(environ, endpoint="http://given:3").records.url == "http://given:3/v1/logs"


@pytest.mark.parametrize(
    ("text", "choice"),
    [("false", False), ("on", True), ("age, city", frozenset({"age", "city"})), (["age"], frozenset({"age"}))],
)
def test_span_features(text: str, choice: object) -> None:
    """The choice of features on spans reads words and names."""
    assert _settings.span_features(text) == choice


def test_nonsense_is_named() -> None:
    """A variable that means nothing is named with what was expected."""
    with pytest.raises(ValueError, match="MODELSPAN_MAX_ROWS is 'many'; expected a number"):
        _settings.from_environment({"MODELSPAN_MAX_ROWS": "many"})
    with pytest.raises(ValueError, match="expected a share of calls from 0 to 1"):
        _settings.from_environment({"MODELSPAN_SAMPLE_RATE": "10"})


@pytest.mark.parametrize("name", ["OTEL_SDK_DISABLED", "MODELSPAN_DISABLED"])
def test_disabled(name: str) -> None:
    """Either variable switches everything off."""
    assert _settings.is_disabled({name: "true"})
    assert not _settings.is_disabled({name: "false"})
