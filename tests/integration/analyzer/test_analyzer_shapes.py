"""Columns whose shape moves while their mean stays: slow growth is usual once it is known, a jump never is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest
from conftest import Predict

from modelspan_analyzer.monitors.context import MonitorContext
from modelspan_analyzer.monitors.drift.data_drift import data_drift
from modelspan_analyzer.reading import baselines
from modelspan_analyzer.results import Result, Verdict, Window, write_results
from modelspan_collector.store.connect import Store

START = datetime(2026, 3, 2, tzinfo=UTC)
HOURS, DAYS, ROWS = 6, 15, 400
WINDOWS = DAYS * 24 // HOURS
FEW, MANY = np.array([0.4, 0.2, 0.2, 0.2]), np.array([0.25, 0.35, 0.05, 0.35])
"""Shares of the categories a to d, before and after."""


def rows(gone: float, number: int = ROWS, jumped: float = 0.0, mixing: float | None = None) -> pa.Table:
    """Rows of which some columns have gone so far on their way, and the same columns that jumped so far instead."""
    noise, generator = GENERATOR.normal(size=(3, number)), GENERATOR

    def texts(far: float) -> list[str]:
        return [str(one) for one in generator.choice(list("abcd"), number, p=FEW + far * (MANY - FEW))]

    return pa.table(
        {
            "widening": (1 + 0.7 * gone) * noise[0],
            "mixing": texts(gone if mixing is None else mixing),
            "widened": (1 + 0.7 * jumped) * noise[1],
            "mixed": texts(jumped),
            "steady": noise[2],
        }
    )


GENERATOR = np.random.default_rng(12)


def told(store: Store, model: str, place: int) -> dict[str, Result]:
    """What drift says of a window; what is said is kept, as a run keeps it."""
    start = START + timedelta(hours=HOURS * place)
    baseline = baselines.active(store, model, "1")
    found = data_drift(MonitorContext(store, model, "1", Window(start, start + timedelta(hours=HOURS)), baseline))
    write_results(store, found, "run")
    return {one.feature: one for one in found if one.metric == "psi"}


@pytest.fixture(scope="module")
def stream(shared_store: Store, predict: Predict) -> Store:
    """Windows in which some columns move on and on, and the others jump when three fifths of the time are over."""
    baselines.set_from_table(shared_store, "shapes", "1", rows(0, 5000), source="rows without times")
    every = [rows(place / WINDOWS, jumped=float(place > 0.6 * WINDOWS)) for place in range(WINDOWS)]
    predict("shapes", pa.concat_tables(every), START.replace(tzinfo=None), hours=24 * DAYS)
    return shared_store


def test_a_shape_that_moves_slowly_is_compared_with_where_it_leads_and_a_jump_with_the_baseline(stream: Store) -> None:
    """All are as far from the baseline in the end, and no mean tells any of them. What moves may alarm at first."""
    alarmed: dict[str, list[int]] = {name: [] for name in rows(0).column_names}
    for place in range(10, WINDOWS, 7):
        found = told(stream, "shapes", place)
        for name in alarmed:
            alarmed[name] += [place] if found[name].verdict is Verdict.ALARM else []
    for name in ("widening", "mixing"):
        assert max([0, *alarmed[name]]) < 2 / 3 * WINDOWS, alarmed
        assert found[name].verdict is Verdict.WARNING, "it lies far from the baseline all the same"
        assert "steadily, so it is compared with where its trend over 7 windows leads" in found[name].reason
    assert "its distribution moves steadily" in found["widening"].reason
    assert alarmed["widened"] == alarmed["mixed"] == [place for place in range(10, WINDOWS, 7) if place > 0.6 * WINDOWS]
    assert alarmed["steady"] == []


def test_a_jump_beside_the_way_alarms(stream: Store, predict: Predict) -> None:
    """As far again at once is a fault, however steadily it went before, and stays one."""
    wide, same = rows(1.9, 4 * ROWS, jumped=1.0, mixing=1.0), pa.array(["a"] * 4 * ROWS)
    faulty = wide.set_column(1, "mixing", same)
    predict("shapes", faulty, START.replace(tzinfo=None) + timedelta(days=DAYS), hours=HOURS * 4)
    for place in range(WINDOWS, WINDOWS + 4):
        found = told(stream, "shapes", place)
        assert {found[name].verdict for name in ("widening", "mixing")} == {Verdict.ALARM}, place


def test_a_baseline_with_times_is_part_of_the_way(shared_store: Store, predict: Predict) -> None:
    """As a replay sets one: the first live windows go on where its rows lead."""
    past = pa.concat_tables([rows(3 * place / WINDOWS, mixing=1.3 * place / WINDOWS) for place in range(WINDOWS)])
    seconds = (np.arange(past.num_rows) - past.num_rows) * (HOURS * 3600 / ROWS) + START.timestamp()
    timed = past.append_column("at", pa.array((seconds * 1e9).astype(np.int64)).cast(pa.timestamp("ns", "UTC")))
    baselines.set_from_table(shared_store, "timed shapes", "1", timed, time="at", source="rows with times")
    predict("timed shapes", rows(3, 2 * ROWS, mixing=1.3), START.replace(tzinfo=None), hours=2 * HOURS)
    found = told(shared_store, "timed shapes", 1)
    for name in ("widening", "mixing"):
        assert found[name].verdict is Verdict.WARNING, found[name].reason
        assert "steadily, so it is compared with where its trend" in found[name].reason
