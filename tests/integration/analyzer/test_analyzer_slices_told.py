"""Who tells of a model tells what is of one slice as that slice's, and never as what is of all rows."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from modelspan_analyzer.checking import ask
from modelspan_analyzer.config.expression import understood
from modelspan_analyzer.config.settings import MonitorsConfig
from modelspan_analyzer.monitors.sliced import LEFT_OUT
from modelspan_analyzer.results import Result, Verdict, Window, write_results
from modelspan_analyzer.runner.runs import DONE, Run, write
from modelspan_analyzer.views import digest, fleet
from modelspan_analyzer.views.health import Health
from modelspan_cli.main import main
from modelspan_collector.store.connect import Store

HOUR = timedelta(hours=1)
START = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - 3 * HOUR
WINDOW = Window(START, START + HOUR)
LATER = Window(WINDOW.end, WINDOW.end + HOUR)
ISLES, BROKEN = "tag.land=Åland", "slice.broken=arraySum(scores) > 1"
CALM = Result("", "1", WINDOW, "data_drift", "psi", 0.01, Verdict.OK, "age", threshold=0.1, n=500, n_baseline=500)
P95 = replace(CALM, signal="latency", metric="p95", feature="", value=0.1, reason="usual")
FEW = Verdict.NOT_ENOUGH_DATA
ESTIMATED = replace(CALM, signal="estimation", metric="estimate", feature="cbpe", value=None, threshold=None)


def of_isles(one: Result, **more: object) -> Result:
    return replace(one, segment=ISLES, n=40, **more)  # type: ignore[arg-type]


MEASURED = {
    "slow": [CALM, P95, of_isles(P95, value=3.0), of_isles(P95, value=5.0, window=LATER), replace(CALM, window=LATER)],
    "warned": [CALM, of_isles(CALM, verdict=Verdict.WARNING, value=0.3, reason="PSI 0.3")],
    "broken": [CALM, P95, replace(P95, metric=LEFT_OUT, segment=BROKEN, verdict=Verdict.ERROR, n=0, reason="no array")],
    "lacking": [
        CALM,
        replace(ESTIMATED, verdict=FEW, reason="no labels in the baseline"),
        of_isles(ESTIMATED, feature="", verdict=FEW, reason="40 rows"),
        replace(ESTIMATED, feature="", metric=LEFT_OUT, segment="tag.land", verdict=FEW, reason="in no slice"),
    ],
    "untimed": [
        CALM,
        replace(P95, verdict=Verdict.SKIPPED, value=None, reason="no prediction says how long it took"),
        replace(P95, metric=LEFT_OUT, segment="tag.land", verdict=FEW, value=None, reason="in no slice"),
    ],
    "alarmed": [
        replace(CALM, verdict=Verdict.ALARM, value=0.5),
        *(of_isles(CALM, verdict=Verdict.ALARM, value=0.9, feature=name) for name in "abcdefgh"),
    ],
}


@pytest.fixture
def told(store: Store) -> Iterator[Store]:
    for model, results in MEASURED.items():
        stamp = pa.array([START], pa.timestamp("ns", "UTC"))
        rows = {"model": [model], "version": ["1"], "timestamp": stamp, "prediction_id": [model]}
        store.insert("predictions", pa.table(rows))
        write_results(store, [replace(one, model=model) for one in results], model)
        for window in dict.fromkeys(one.window for one in results):
            name = f"{model}{window.start:%H}"
            write(store, [Run(name, model, "1", "", window, window.end, window.end).ended(DONE, window.end)])
    yield store


def of_signal(member: fleet.Member, signal: str) -> Health:
    return next(one for one in member.signals if one.signal == signal)


def test_every_reader_tells_the_slice(
    told: Store, engine_dsn: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    members = {one.model: one for one in fleet.read(told, {}, MonitorsConfig(), datetime.now(UTC)).members}
    span = {"since": WINDOW.start.isoformat(), "until": LATER.end.isoformat()}
    weeks = {one.model: one for one in digest.read(told, span, MonitorsConfig(), datetime.now(UTC)).models}
    assert members["slow"].p95_seconds == weeks["slow"].p95_seconds == 0.1, "of all rows"

    assert of_signal(members["warned"], "data_drift").warned == f"{ISLES}: PSI 0.3"
    assert members["broken"].sentence == f"{BROKEN} could not be looked at: no array"

    assert of_signal(members["lacking"], "estimation").reason == "no labels in the baseline"
    checked = ask(told, "lacking", "1", now=WINDOW.end, signals=[]).unchecked
    assert checked == [{"signal": "estimation", "reason": "no labels in the baseline"}]
    assert [one.signal for one in members["untimed"].signals] == ["data_drift"], "what was skipped is left out"

    place = ["--store", engine_dsn, "--database", told.database, "--data", str(tmp_path)]
    assert main(["status", "--json", *place]) == 0
    models = {one["model"]: one for one in json.loads(capsys.readouterr().out)["models"]}
    alarms = models["alarmed"]["alarms"]
    assert alarms == ["data_drift age", *(f"data_drift {name} {ISLES}" for name in "abcde")], "of all rows first"
    assert models["warned"]["warnings"] == [f"data drift: {ISLES}: PSI 0.3"]


def test_a_digest_says_why_nothing_was_judged_of_all_rows_and_not_of_a_slice(told: Store) -> None:
    span = {"since": WINDOW.start.isoformat(), "until": LATER.end.isoformat()}
    shown = json.dumps(digest.read(told, span, MonitorsConfig(), datetime.now(UTC)).as_json(), default=str)
    assert "no labels in the baseline" in shown
    assert "in no slice" not in shown
    assert "40 rows" not in shown


@pytest.mark.parametrize(
    "expression", ["land = 'Côte d''Ivoire'", "land IN ('', '''', 'it''s')", "tags['l''été'] = 'x'", r"land = 'a\'b'"]
)
def test_a_quotation_mark_in_a_text_is_doubled_as_in_sql(store: Store, expression: str) -> None:
    assert understood(store, expression, "slice") == ""
