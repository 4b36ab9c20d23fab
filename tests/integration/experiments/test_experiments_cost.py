"""What calls cost, beside how good their answers are: by tokens, as a tag of a span, or by a bill that comes later."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.semconv._incubating.attributes import gen_ai_attributes
from pages import blocks
from test_experiments import OFF, START, TEXTS, answers, results, serve, tell, window

import modelspan
from modelspan_analyzer.monitors_yaml import parse
from modelspan_analyzer.runner import Runner
from modelspan_collector.service import Collector
from modelspan_collector.store.connect import Store

PAGE = "docs/experiments.md"
INPUT, OUTPUT = gen_ai_attributes.GEN_AI_USAGE_INPUT_TOKENS, gen_ai_attributes.GEN_AI_USAGE_OUTPUT_TOKENS
COSTS = next(block.text for block in blocks(PAGE, "yaml") if "costs:" in block.text)


def called(store: Store, version: str, hour: int, rows: int, tokens: float) -> np.ndarray:
    """Calls with labels whose tokens are tags; what each cost by the page's prices, as NumPy has it."""
    of = answers(4, version, hour, rows, 0.9)
    rng = np.random.default_rng([hour, *version.encode()])
    asked, said = rng.poisson(800, rows), rng.poisson(tokens, rows)
    stamps = [[(INPUT, str(one)), (OUTPUT, str(other))] for one, other in zip(asked, said, strict=True)]
    store.insert("predictions", pa.table({
        "model": ["letters"] * rows, "version": [version] * rows, "prediction_id": of["ids"], "timestamp": of["times"],
        "label": of["label"].astype(str), "duration": of["duration"], "tags": pa.array(stamps, TEXTS),
    }))  # fmt: skip
    tell(store, of)
    return np.asarray(2.5e-6 * asked + 1e-5 * said + 2e-5 * of["duration"])


def test_the_pages_experiment_finds_the_cheaper_model_and_that_it_is_as_good(
    store: Store, collector: Collector
) -> None:
    """Tokens are told by the SDK as the page does; the difference is NumPy's of the same calls, in EUR, and the
    guardrail of the quality holds beside it."""
    (told,) = blocks(PAGE, "python")
    exec(told.text, {})
    assert modelspan.flush(60)
    collector.flush()
    (row,) = store.rows("SELECT tags FROM predictions")
    assert row["tags"] == {INPUT: "812", OUTPUT: "96"}
    runner = Runner(store, parse(COSTS + OFF))
    for hour in range(8):
        champion, challenger = called(store, "1.0", hour, 150, 200), called(store, "2.0", hour, 150, 120)
        runner.run_window("letters", "2.0", window(hour))
        if not hour:
            (first,) = results(store, "smaller.cost", "letters")
            assert first["value"] == pytest.approx(challenger.mean() - champion.mean(), abs=1e-12)
    said = results(store, "smaller.cost", "letters")
    (decided,) = [one for one in said if one["verdict"] == "alarm"]
    assert "decided: the challenger is better; 2.0 against 1.0: -0.00077" in decided["reason"]
    assert " EUR" in decided["reason"]
    assert "not known" not in decided["reason"]
    assert results(store, "smaller.loss", "letters")[-1]["verdict"] == "ok"


TOLD = """
models:
- model: checkout
  experiments:
  - name: next
    champion: a
    challenger: b
    guardrails: [{measure: cost, margin: 0.001}]
"""


def test_a_span_tells_the_cost_as_a_tag_and_calls_that_failed_cost_too(store: Store, collector: Collector) -> None:
    """Spans of OpenTelemetry's own SDK: every other call of the challenger fails after it was paid for, and one in four
    tells no cost, which is counted; the guardrail is broken by the mean over all that do."""
    exporter = OTLPSpanExporter(endpoint=f"http://127.0.0.1:{collector.http_port}/v1/traces")
    provider = TracerProvider(resource=Resource({"service.name": "shop"}))
    provider.add_span_processor(BatchSpanProcessor(exporter, max_queue_size=4096))
    tracer, rng = provider.get_tracer("shop"), np.random.default_rng(6)
    begun = int(START.timestamp() * 1e9)
    paid: dict[str, list[float]] = {"a": [], "b": []}
    for number in range(400):
        version, at = "ab"[number % 2], begun + number * 10**9
        given: dict[str, Any] = {"modelspan.model.name": "checkout", "modelspan.model.version": version}
        if version == "b" and number % 4 == 1:
            given["error.type"] = "Timeout"
        else:
            given["modelspan.prediction.label"] = "yes"
        if number % 8 > 1:
            paid[version].append(float(rng.gamma(4, 0.0005 if version == "a" else 0.005)))
            given["modelspan.tag.cost"] = str(paid[version][-1])
        tracer.start_span("predict checkout", start_time=at, attributes=given).end(at + 10**6)
    provider.shutdown()
    collector.flush()
    Runner(store, parse(TOLD + OFF)).run_window("checkout", "b", window(0))
    (one,) = results(store, "next.cost")
    assert one["value"] == pytest.approx(np.mean(paid["b"]) - np.mean(paid["a"]), abs=1e-12)
    assert one["verdict"] == "alarm"
    assert "the guardrail is broken: b against a: +0.0" in one["reason"]
    assert "beyond a margin of +0.001 USD" in one["reason"]
    assert "the cost is not known of 50 of 200 of b and 50 of 200 of a: send it as the tag `cost`" in one["reason"]


LATER = """
models:
- model: checkout
  costs: {prediction: "outcome('bill') - 0.5"}
  experiments: [{name: next, champion: a, challenger: b, measure: cost}]
"""


def test_a_bill_that_comes_later_is_taken_in_and_a_changed_price_begins_anew(store: Store) -> None:
    """Until it is there nothing is said to be equal; with other prices no window of before counts."""
    runner, each = Runner(store, parse(LATER + OFF)), {}
    for version in ("a", "b"):
        of = answers(8, version, 0, 100, 0.9)
        of["bill"] = np.random.default_rng([8, *version.encode()]).normal(2.0 if version == "a" else 4.0, 0.5, 100)
        each[version] = of
        serve(store, of)
    runner.run_window("checkout", "b", window(0))
    (waiting,) = results(store, "next.cost")
    assert waiting["verdict"] == "not_enough_data"
    assert "the cost is not known of 100 of 100 of b and 100 of 100 of a" in waiting["reason"]
    for of in each.values():
        tell(store, of, "bill", "bill")
    runner.run_window("checkout", "b", window(0))
    (known,) = results(store, "next.cost")
    assert known["value"] == pytest.approx(each["b"]["bill"].mean() - each["a"]["bill"].mean())
    assert "decided: the champion is better" in known["reason"]
    Runner(store, parse(LATER.replace("0.5", "0.6") + OFF)).run_window("checkout", "b", window(1))
    anew = results(store, "next.cost")[-1]
    assert anew["value"] is None
    assert "no window has both b and a" in anew["reason"]


@pytest.mark.parametrize(
    ("costs", "said"),
    [
        ("{prediction: truth}", "a cost is of what is known at once"),
        ("{prediction: sleep(3)}", "a cost cannot use 'sleep'"),
        ("{prediction: sum(duration)}", "a cost cannot use 'sum'"),
    ],
)
def test_an_expression_of_a_cost_is_of_one_row_and_nothing_else(costs: str, said: str) -> None:
    with pytest.raises(Exception, match=said.replace("(", r"\(")):
        parse(f"models: [{{model: m, costs: {costs}}}]")


WRONG = """
models:
- model: checkout
  costs: {prediction: "duration + arraySum(tags)"}
  experiments: [{name: next, champion: a, challenger: b, measure: cost, guardrails: [{measure: latency, margin: 0.5}]}]
"""


def test_what_the_engine_cannot_compute_is_said_before_and_is_an_error_after(store: Store, tmp_path: Path) -> None:
    """Of this measure alone: the others are compared."""
    file = tmp_path / "monitors.yaml"
    file.write_text(WRONG)
    checking = [sys.executable, "-m", "modelspan_cli", "monitors", "check", str(file)]
    ended = subprocess.run(checking, capture_output=True, text=True, timeout=120)
    assert ended.returncode == 1
    assert "costs.prediction: the engine cannot compute the cost 'duration + arraySum(tags)': " in ended.stderr
    for version in ("a", "b"):
        serve(store, answers(9, version, 0, 100, 0.9))
    Runner(store, parse(WRONG + OFF)).run_window("checkout", "b", window(0))
    (one,) = results(store, "next.cost")
    assert (one["verdict"], one["reason"].startswith("it cannot be measured: ")) == ("error", True)
    assert results(store, "next.latency")[0]["value"] == pytest.approx(0, abs=0.3)


ONE = """
models:
- model: checkout
  experiments: [{name: next, champion: a, challenger: b, measure: cost, min_effect: 0.001}]
"""


def told_by_tags(store: Store, version: str, costs: Sequence[str], hour: int = 0) -> None:
    """Calls of a version within an hour with these texts as tag `cost`, and none where a text is empty."""
    n = len(costs)
    tags = [[("cost", text)] if text else [] for text in costs]
    times = [START + timedelta(hours=hour, seconds=row) for row in range(n)]
    store.insert("predictions", pa.table({
        "model": ["checkout"] * n, "version": [version] * n, "tags": pa.array(tags, TEXTS),
        "prediction_id": [f"{version}-{hour}-{row}" for row in range(n)],
        "timestamp": pa.array(times, pa.timestamp("ns", "UTC")),
    }))  # fmt: skip


@pytest.mark.parametrize("price", ["0.5", "0.02", "0.1"])
def test_a_price_that_never_varies_tells_nothing_of_how_sure_a_difference_is(store: Store, price: str) -> None:
    """On both sides, whether or not a mean of such numbers is exact: 0.02 thirty times over, divided by thirty, is
    another number, by which each call seemed to vary, and "no difference" was decided of two dozen calls."""
    for version in ("a", "b"):
        told_by_tags(store, version, [price] * 300)
    Runner(store, parse(ONE + OFF)).run_window("checkout", "b", window(0))
    (one,) = results(store, "next.cost")
    assert (one["verdict"], one["value"], one["lower"]) == ("not_enough_data", 0.0, None)
    assert "all alike within each of both, which tells nothing of how sure that is" in one["reason"]


@pytest.mark.parametrize("price", ["0.5", "0.1"])
def test_a_fixed_price_is_compared_with_one_that_varies(store: Store, price: str) -> None:
    """As if it varied as the other does."""
    varies = np.random.default_rng(5).gamma(9, float(price) / 12, 300)
    told_by_tags(store, "a", [price] * 300)
    told_by_tags(store, "b", [str(one) for one in varies])
    Runner(store, parse(ONE + OFF)).run_window("checkout", "b", window(0))
    (one,) = results(store, "next.cost")
    assert one["value"] == pytest.approx(varies.mean() - float(price))
    assert one["verdict"] == "alarm"
    assert "the challenger is better" in one["reason"]


def test_a_tag_that_is_no_number_is_not_called_missing(store: Store) -> None:
    """Calls whose tag is a text with a sign of its currency are counted, and said to be told by no number."""
    told_by_tags(store, "a", ["$0.02", "0,02", "nan", ""] * 25)
    told_by_tags(store, "b", ["0.02"] * 100)
    Runner(store, parse(ONE + OFF)).run_window("checkout", "b", window(0))
    (one,) = results(store, "next.cost")
    assert one["verdict"] == "not_enough_data"
    unknown = "in this window the cost is not known of 100 of 100 of a: of 75 the tag `cost` is there and is no number"
    assert unknown in one["reason"]


def test_an_expression_that_gives_no_number_is_not_answered_with_writing_one(store: Store) -> None:
    expression = ONE.replace("  experiments", "  costs: {prediction: tag.tokens * 0.01}\n  experiments")
    for version in ("a", "b"):
        told_by_tags(store, version, ["1"] * 100)
    Runner(store, parse(expression + OFF)).run_window("checkout", "b", window(0))
    (one,) = results(store, "next.cost")
    assert one["reason"].endswith("what `costs: {prediction: ...}` names is missing there, late or no number")


def test_costs_too_large_to_be_compared_are_an_error(store: Store) -> None:
    """Their fourth powers are infinite, which no result keeps: each window forgot those before it."""
    for version in ("a", "b"):
        told_by_tags(store, version, ["1e200", "2e200"] * 50)
    Runner(store, parse(ONE + OFF)).run_window("checkout", "b", window(0))
    (one,) = results(store, "next.cost")
    assert one["verdict"] == "error"
    assert "a value of 2e+200 is too large" in one["reason"]


def test_a_goal_guards_nothing() -> None:
    """Both have one name: what the goal found was overwritten by the guardrail."""
    guardrails = "[{measure: loss, margin: 1}, {measure: cost, margin: 1}]"
    with pytest.raises(Exception, match="'cost' is the goal of 'next' and cannot guard it too"):
        parse(ONE.replace("min_effect: 0.001", f"guardrails: {guardrails}"))
