"""Which verdicts are news, and where they are sent."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelspan_analyzer.config.incident_settings import IncidentSettings
from modelspan_analyzer.config.settings import MonitorsConfig
from modelspan_analyzer.events import endpoint
from modelspan_analyzer.events.change import BAD, NOT_MEASURED, OK, History, Told, changes
from modelspan_analyzer.events.request import request
from modelspan_analyzer.incidents.incident import key_of
from modelspan_analyzer.results import Result, Verdict, Window
from modelspan_collector.forward.destination import DestinationError

START = datetime(2026, 3, 2, tzinfo=UTC)
HOUR = timedelta(hours=1)
SETTINGS = IncidentSettings()
VERDICTS = [Verdict.OK, Verdict.WARNING, Verdict.ALARM, Verdict.NOT_ENOUGH_DATA]


def result(hour: int, verdict: Verdict) -> Result:
    window = Window(START + hour * HOUR, START + (hour + 1) * HOUR)
    return Result("churn", "1", window, "data_drift", "psi", 0.5, verdict, feature="age", monitor="drift")


def replay(verdicts: list[Verdict], settings: IncidentSettings = SETTINGS) -> list[tuple[int, str]]:
    """The hours and verdicts that are told of windows in their order, by what a store would hold of them."""
    told: dict[tuple[str, ...], Told] = {}
    newest, good, events = START, 0, []
    for hour, verdict in enumerate(verdicts):
        one = result(hour, verdict)
        if verdict in (Verdict.OK, Verdict.WARNING, Verdict.ALARM):
            newest, good = one.window.end, good + 1 if verdict is Verdict.OK else 0
        for change in changes([one], told, {key_of(one): History(newest, good)}, settings, one.window.end):
            told[change.key] = Told(change.verdict, change.window.end)
            events.append((hour, change.verdict))
    return events


def test_a_finding_is_told_at_once_and_its_end_after_good_windows() -> None:
    """A warning that becomes an alarm is a change, an alarm that goes on none, and one good window is no end."""
    ok, warning, alarm, few = VERDICTS
    assert replay([ok, warning, alarm, alarm, ok, alarm, few, ok, ok, ok]) == [
        (1, "warning"),
        (2, "alarm"),
        (8, "ok"),
    ]


def test_a_finding_of_which_nothing_is_heard_any_more_is_said_to_be_unknown() -> None:
    """After `forget_after`; that it is well later is no news, that it is bad again is."""
    silent = [Verdict.NOT_ENOUGH_DATA] * 3
    told = replay(
        [Verdict.ALARM, *silent, Verdict.OK, Verdict.OK, Verdict.ALARM],
        IncidentSettings.model_validate({"forget_after": "3h"}),
    )
    assert told == [(0, "alarm"), (3, NOT_MEASURED), (6, "alarm")]


@given(st.lists(st.sampled_from(VERDICTS), max_size=30))
def test_what_is_told_alternates_and_never_begins_with_an_end(verdicts: list[Verdict]) -> None:
    """No verdict is told twice in a row, an end follows a finding, and every bad window's verdict was told."""
    told = replay(verdicts)
    said = [verdict for _, verdict in told]
    assert all(before != after for before, after in pairwise(said))
    assert all(before in BAD for before, after in pairwise([OK, *said]) if after == OK)
    for hour, verdict in enumerate(verdicts):
        if verdict.value in BAD:
            assert [name for at, name in told if at <= hour][-1] == verdict.value


def test_a_window_older_than_what_is_known_says_nothing() -> None:
    """Missed windows are made up for after the newest one."""
    old = result(3, Verdict.ALARM)
    assert changes([old], {}, {key_of(old): History(START + 9 * HOUR, 0)}, SETTINGS, START) == []


def test_the_same_change_gives_the_same_bytes() -> None:
    """So that a receiver can tell when it comes again."""
    alarm = replace(result(0, Verdict.ALARM), reason="PSI 0.5", threshold=0.1, n=100)
    (change,) = changes([alarm], {}, {key_of(alarm): History(alarm.window.end, 0)}, SETTINGS, START)
    assert request(change, alarm).SerializeToString() == request(change, alarm).SerializeToString()


BASE, LOGS = "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT"


@pytest.mark.parametrize(
    ("setting", "environment", "url"),
    [
        ("", {}, None),
        ("grpc://tempo:4317", {BASE: "http://other:4318"}, "grpc://tempo:4317"),
        ("", {BASE: "http://one:4318"}, "http://one:4318"),
        ("", {BASE: "http://one:4318", LOGS: "https://two/otlp/v1/logs"}, "https://two/otlp"),
        ("", {BASE: "http://one:4318", "OTEL_LOGS_EXPORTER": "none"}, None),
        ("", {BASE: "http://one:4318", "OTEL_SDK_DISABLED": "true"}, None),
        ("http://one:4318", {"OTEL_LOGS_EXPORTER": "none"}, "http://one:4318"),
    ],
)
def test_the_endpoint_is_the_setting_or_opentelemetrys_variables(
    setting: str, environment: dict[str, str], url: str | None
) -> None:
    """Off where neither names one."""
    found = endpoint(setting, environment)
    assert (found.url if found else None) == url


def test_headers_come_from_opentelemetrys_variables() -> None:
    """Those of logs go before those of all signals."""
    given = {BASE: "http://one:4318", "OTEL_EXPORTER_OTLP_HEADERS": "x-key=a%20b,x-other=c"}
    found = endpoint("", given)
    assert found is not None
    assert dict(found.headers) == {"x-key": "a b", "x-other": "c"}
    found = endpoint("", given | {"OTEL_EXPORTER_OTLP_LOGS_HEADERS": "x-key=d"})
    assert found is not None
    assert dict(found.headers) == {"x-key": "d"}


def test_what_is_no_endpoint_is_refused() -> None:
    """With what to write instead."""
    with pytest.raises(DestinationError, match="/v1/logs"):
        endpoint("", {LOGS: "http://one:4318"})
    with pytest.raises(ValueError, match="expected grpc"):
        MonitorsConfig.model_validate({"alerts": {"events": "localhost:4318"}})
    with pytest.raises(ValueError, match=r"header\.NAME"):
        MonitorsConfig.model_validate({"alerts": {"events": "http://localhost:4318?ratio=0.5"}})
