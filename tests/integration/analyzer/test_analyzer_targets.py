"""Targets: a business goal, how fast what it allows to be missed is used up, and where people see it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pages import blocks

from modelspan_analyzer.config.alert_settings import AlertSettings
from modelspan_analyzer.config.settings import MonitorsConfig
from modelspan_analyzer.incidents import load_open
from modelspan_analyzer.monitors.metrics.monitor import METRICS
from modelspan_analyzer.monitors.signal import Signals
from modelspan_analyzer.monitors_yaml import parse
from modelspan_analyzer.respond import Responder
from modelspan_analyzer.results import Window
from modelspan_analyzer.runner import Runner
from modelspan_analyzer.views import fleet, prediction
from modelspan_analyzer.views.veil import Veil
from modelspan_collector.access.rules import Redaction
from modelspan_collector.store.connect import Store

PAGE = "docs/outcomes.md"
HOUR = timedelta(hours=1)
NOW = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
ROWS = 80


def sell(store: Store, model: str, hour: int, revenue: float, refunds: float = 0.0) -> Window:
    """An hour of orders and what came of them; `hour` before now."""
    rng = np.random.default_rng([hour, len(model)])
    window = Window(NOW - hour * HOUR, NOW - (hour - 1) * HOUR)
    ids = [f"{model}-{hour}-{row}" for row in range(ROWS)]
    stamps = pa.array([window.start + row * (HOUR / ROWS) for row in range(ROWS)], pa.timestamp("ns", "UTC"))
    names = {"prediction_id": ids, "timestamp": stamps}
    store.insert(
        "predictions", pa.table({"model": [model] * ROWS, "version": ["1"] * ROWS, **names, "value": rng.random(ROWS)})
    )
    brought = rng.normal(revenue, 10, ROWS)
    store.insert("labels", pa.table({**names, "outcome": ["revenue"] * ROWS, "value": brought}))
    back = np.where(rng.random(ROWS) < refunds, "yes", "no").astype(str)
    store.insert("labels", pa.table({**names, "outcome": ["refund"] * ROWS, "label": back}))
    return window


def said(store: Store, metric: str) -> list[dict[str, Any]]:
    """By window."""
    return store.rows(
        "SELECT verdict, value, reason, JSONExtractFloat(details, 'left') AS left FROM monitor_results FINAL "
        "WHERE metric = {metric:String} ORDER BY window_start",
        {"metric": metric},
    )


def runner(store: Store, config: MonitorsConfig) -> Runner:
    """Of metrics alone."""
    signals = Signals.of(METRICS)
    return Runner(store, config, signals=signals, respond=Responder(store, config))


def test_the_pages_goal_burns_when_orders_bring_less_and_the_fleet_says_what_was_realised(store: Store) -> None:
    """Ten hours above the goal, two far below: the first of these takes more than 2 % of the month's budget."""
    config = parse(next(block.text for block in blocks(PAGE, "yaml") if "target:" in block.text))
    at_work = runner(store, config)
    for hour in range(12, 0, -1):
        at_work.run_window("checkout", "1", sell(store, "checkout", hour, 65.0 if hour > 2 else 40.0))
    found = said(store, "order_value.burn_rate")
    assert [row["verdict"] for row in found] == ["ok"] * 10 + ["alarm"] * 2
    assert "at least 60 EUR in 0.95 of the windows, and 0 of 10 surely missed it" in found[9]["reason"]
    assert "times as fast as allowed over the last" in found[-1]["reason"]
    assert found[-1]["left"] == pytest.approx(1 - (2 / 12) / 0.05)
    (incident,) = load_open(store)
    assert "order_value.burn_rate" in {one.metric for one in incident.findings}
    assert "order value misses its target" in incident.title
    (member,) = fleet.read(store, {}, config, datetime.now(UTC)).members
    (goal,) = member.goals
    assert (goal.metric, goal.goal, goal.verdict) == ("order_value", "at least 60 EUR", "alarm")
    assert goal.realised == pytest.approx((10 * 65 + 2 * 40) / 12, abs=1)


REFUNDS = """
models:
- model: shop
  window: {size: 1h}
  metrics:
  - name: refunds
    expression: countIf(outcome('refund') = 'yes') / countIf(outcome('refund') IS NOT NULL)
    direction: above
    target: {value: 0.1, objective: 0.9, period: 7d}
"""


def test_a_goal_that_chance_alone_misses_does_not_burn_and_one_that_is_over_stops(store: Store) -> None:
    """A rate at its goal exactly is beyond it in half of the hours, and surely in none. Four bad hours do burn; what
    is over pages no more, though the budget stays spent."""
    at_work = runner(store, parse(REFUNDS))
    for hour in range(24, 0, -1):
        at_work.run_window("shop", "1", sell(store, "shop", hour, 1.0, 0.6 if 8 <= hour < 12 else 0.1))
    found = said(store, "refunds.burn_rate")
    verdicts = [row["verdict"] for row in found]
    assert set(verdicts[:13]) == {"ok"}
    assert "alarm" in verdicts[13:18]
    assert verdicts[-3:] == ["ok"] * 3
    assert found[-1]["left"] < 0


def test_a_window_without_a_value_says_so(store: Store) -> None:
    """No order has brought anything yet."""
    window = sell(store, "shop", 1, 1.0)
    store.command("TRUNCATE TABLE labels")
    runner(store, parse(REFUNDS)).run_window("shop", "1", window)
    (row,) = said(store, "refunds.burn_rate")
    assert (row["verdict"], "this window has no value of refunds" in row["reason"]) == ("not_enough_data", True)


def test_a_prediction_shows_its_outcomes_by_name_as_redaction_allows(store: Store) -> None:
    """The number and the class, but not the label among them; a name that is dropped is not there."""
    sell(store, "shop", 1, 65.0)
    asked = {"id": "shop-1-3"}
    shown = prediction.read(store, asked, AlertSettings(), Veil()).outcomes
    assert [one.outcome for one in shown] == ["refund", "revenue"]
    assert shown[0].said == "no"
    assert 20 < float(shown[1].said) < 110
    hidden = prediction.read(store, asked, AlertSettings(), Veil(Redaction(drop=("revenue",)))).outcomes
    assert [one.outcome for one in hidden] == ["refund"]


def test_a_goal_needs_a_side() -> None:
    """And is of the value itself."""
    for more in ("", ", direction: below, compare: ratio"):
        with pytest.raises(Exception, match="on which side of its target"):
            parse(f"models: [{{model: m, metrics: [{{name: a, expression: avg(value), target: {{value: 1}}{more}}}]}}]")
