"""What a team adds to the default monitors, for `alarms_pipeline.py --own`: metrics, targets, slices, an experiment,
and a stage with its approval.

Of each kind one, over what every table has: a feature, the answer, and how often that is wrong. Predictions are dealt
to two arms and four shops by chance, and cost what chance says, so that nothing is ever between them, or wrong in one.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

import numpy as np
import pyarrow as pa
from alarm_faults import Rows
from alarm_models import Stream

from modelspan_analyzer.config.experiment_settings import ExperimentSettings, GuardrailSettings
from modelspan_analyzer.config.metric_settings import MetricSettings, TargetSettings
from modelspan_analyzer.governance.decisions import decide
from modelspan_collector.store.connect import Store

TAGS: Final = pa.map_(pa.string(), pa.string())
KEPT: Final = 1.02
"""How much worse than on the baseline a target lets the losses be: as a goal is set, close above what is usual."""


def dealt(rows: int, generator: np.random.Generator) -> pa.Array:
    """The tags of predictions: an arm, a shop, and a cost, by chance."""
    arms, shops = (
        generator.choice(["a", "b"], rows),
        generator.choice(["n", "e", "s", "w"], rows, p=[0.4, 0.3, 0.2, 0.1]),
    )
    costs = generator.lognormal(-6, 0.8, rows).astype(str)
    each = zip(arms, shops, costs, strict=True)
    return pa.array([[("arm", arm), ("shop", shop), ("cost", cost)] for arm, shop, cost in each], TAGS)


def approve(store: Store, model: str, at: datetime) -> None:
    """Puts the model into production with a card that somebody approved, as it should be."""
    card = {"model": [model], "version": ["1"], "timestamp": pa.array([at], pa.timestamp("ns", "UTC"))}
    store.insert("models", pa.table({**card, "owner": ["a-team"]}))
    for decision in ("production", "approve"):
        decide(store, model, "1", decision, reason="as it should be", actor="ann", now=at)


def settings(stream: Stream, baseline: Rows) -> dict[str, Any]:
    """Sections of `monitors.yaml` for a model."""
    name = stream.numeric[0]
    middle = float(np.nanmedian(baseline.features[name]))
    said = stream.answer(baseline.features)
    wrong = "avg(label != truth)" if stream.classes else "avg(abs(value - true_value))"
    loss = np.mean(said.label != baseline.truth) if stream.classes else np.mean(np.abs(said.value - baseline.truth))
    target = TargetSettings(value=KEPT * float(loss), objective=0.9)
    return {
        "segments": ("tag.shop",),
        "slices": {"large": f"`{name}` > {middle}"},
        "metrics": (
            MetricSettings(name="usual", expression=f"avg(`{name}`)"),
            MetricSettings(name="spread", expression=f"stddevSamp(`{name}`) / (1 + abs(avg(`{name}`)))"),
            MetricSettings(name="compared", expression=f"quantile(0.9)(`{name}`)", compare="difference"),
            MetricSettings(name="times", expression="avg(value)", compare="ratio"),
            MetricSettings(name="share", expression=f"countIf(`{name}` > {middle}) / count()", compare="difference"),
            MetricSettings(name="losses", expression=wrong, direction="above", target=target),
        ),
        "experiments": (
            ExperimentSettings(
                name="arms", champion="a", challenger="b", split="tag.arm",
                guardrails=(
                    GuardrailSettings(measure="latency", margin=0.1),
                    GuardrailSettings(measure="cost", margin=0.0005),
                    GuardrailSettings(measure="metric.losses", margin=0.1 * float(loss)),
                ),
            ),
        ),
    }  # fmt: skip
