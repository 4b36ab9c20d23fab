"""One prediction: what it was given beside what is usual, what it said, what was true, why, and its trace."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import pyarrow as pa

from modelspan_analyzer.charts import WIDE, Bar, Figure, interval_bars
from modelspan_analyzer.config.alert_settings import AlertSettings
from modelspan_analyzer.explain.local import explain
from modelspan_analyzer.instants import utc
from modelspan_analyzer.reading.baselines import Baseline, active
from modelspan_analyzer.reading.names import brief
from modelspan_analyzer.reading.outcomes.several import with_truths
from modelspan_analyzer.reading.rows import predictions_of
from modelspan_analyzer.views.answered import in_words, said_of
from modelspan_analyzer.views.query import Query
from modelspan_analyzer.views.trace import Trace, trace
from modelspan_analyzer.views.usual import Given, Usual, given_beside
from modelspan_analyzer.views.veil import Veil
from modelspan_analyzer.views.view import NotThereError, View, table_of
from modelspan_collector.store.connect import Store

PARAMETERS: Final = frozenset({"id", "trace", "model"})
_MOST: Final = 50
_OUTCOMES: Final = """
SELECT outcome, value, label, known_at FROM outcomes
WHERE prediction_id = {id:String} AND model = {model:String} AND version = {version:String}
  AND timestamp = {at:DateTime64(9, 'UTC')} AND outcome != 'label'
ORDER BY outcome
"""
_DRAWN: Final = 20
"""Features whose effect is drawn."""
_VECTOR: Final = "vectors are compared by the window, not one by one"


@dataclass(frozen=True, slots=True)
class Other:
    """Another prediction that fits what was asked: of the same trace, or of the same id."""

    prediction_id: str
    model: str
    version: str
    timestamp: datetime
    said: str


@dataclass(frozen=True, slots=True)
class Came:
    """What came of it, by the name of an outcome."""

    outcome: str
    said: str
    """The class, or the number."""
    known_at: datetime


@dataclass(frozen=True, slots=True)
class Effect:
    """What one feature did to it."""

    feature: str
    value: str
    effect: float


@dataclass(frozen=True, slots=True)
class Said:
    """The prediction itself."""

    prediction_id: str
    model: str
    version: str
    role: str
    service: str
    timestamp: datetime
    received_at: datetime
    trace_id: str
    value: float | None
    label: str
    scores: Mapping[str, float]
    duration: float | None
    error_type: str
    weight: float
    tags: Mapping[str, str]
    answer: str
    """In a word: the class, the number, the first of its parts where it has several, or the error."""
    truth: str
    """What was true; empty where no label has come."""


@dataclass(frozen=True, kw_only=True)
class Prediction(View):
    """One prediction, or the form to ask for one."""

    said: Said | None = None
    """None where none was asked for."""
    outcomes: tuple[Came, ...] = ()
    """Those of other names than the label."""
    features: tuple[Given, ...] = ()
    hidden: int = 0
    """Features that redaction keeps from being shown."""
    compared: str = ""
    """With which baseline; empty where there is none."""
    effects: tuple[Effect, ...] = ()
    method: str = ""
    unexplained: str = ""
    """Why there are no effects."""
    trace: Trace | None = None
    others: tuple[Other, ...] = ()
    more: int = 0
    """Others beyond those that are listed."""

    def drawn(self) -> Figure:
        """How far each feature moved the answer."""
        given = {each.feature: each.value for each in self.features}  # as the table above has it, in fewer digits
        shown = self.effects[:_DRAWN]
        bars = [Bar(f"{each.feature} = {given.get(each.feature, each.value)}", each.effect) for each in shown]
        return interval_bars("Attributions", bars, 0.0, width=WIDE)

    def tables(self) -> Mapping[str, pa.Table]:
        """Its features, its effects, and the others of its trace."""
        columns = ("feature", "value", "state", "sentence", "rank", "share", "low", "high")
        return {
            "features": table_of(self.features, columns),
            "outcomes": table_of(self.outcomes, ("outcome", "said", "known_at")),
            "effects": table_of(self.effects, ("feature", "value", "effect")),
            "others": table_of(self.others, ("prediction_id", "model", "version", "timestamp", "said")),
        }


def read(store: Store, given: Mapping[str, str], settings: AlertSettings, veil: Veil) -> Prediction:
    """One prediction by `id` or by the id of its `trace`; `model` where several models have the id.

    Raises:
        NotThereError: there is none.
    """
    prediction_id, trace_id = given.get("id", ""), given.get("trace", "")
    if not (prediction_id or trace_id):
        return Prediction(title="Prediction", sentence="Ask for one by its id, or by the id of its trace.")
    asked = with_truths(predictions_of(prediction_id, trace_id, given.get("model", "")))
    query = Query("The prediction", f"SELECT * FROM ({asked.sql}) ORDER BY timestamp DESC", asked.parameters)
    rows = store.rows(f"{query.sql} LIMIT {_MOST + 1}", asked.parameters)
    if not rows:
        what = repr(brief(prediction_id)) if prediction_id else f"of the trace {brief(trace_id)!r}"
        raise NotThereError(f"there is no prediction {what} in the store: it may still come, or is not kept any more")
    said = _said(rows[0], veil)
    kept = active(store, said.model, said.version)
    came, of_outcomes = _came(store, said, veil)
    features, hidden = _features(store, rows[0], kept, veil)
    effects, method, why = _effects(store, said.prediction_id, veil)
    shown, behind = trace(store, said.trace_id, settings, veil) if said.trace_id else (None, None)
    others = tuple(_other(row, veil) for row in rows[1:_MOST])
    return Prediction(
        title=f"Prediction {veil.text(said.prediction_id)}" if said.prediction_id else "Prediction without an id",
        sentence=_sentence(said, features, kept),
        queries=(query, of_outcomes, *filter(None, [behind])),
        said=said,
        outcomes=came,
        features=features,
        hidden=hidden,
        compared=_compared(kept),
        effects=effects,
        method=method,
        unexplained=why,
        trace=shown,
        others=others,
        more=len(rows) - 1 - len(others),
    )


def _said(row: Mapping[str, Any], veil: Veil) -> Said:
    truth = veil.text(row["truth"]) or (f"{row['true_value']:.6g}" if row["true_value"] is not None else "")
    numbers = dict(zip(row["said_names"], row["said_numbers"], strict=True))
    truth = truth or in_words(row["said_shape"], row["said_items"], numbers, veil)
    names = (row["prediction_id"], row["model"], row["version"], row["role"], row["service"])
    times = (utc(row["timestamp"]), utc(row["received_at"]), row["trace_id"])
    error = veil.text(row["error_type"])
    said = (row["value"], veil.text(row["label"]), row["scores"], row["duration"], error, row["weight"])
    tags = {name: str(value) for name, value in veil.values(row["tags"]).items()}
    return Said(*names, *times, *said, tags, said_of(row, veil), truth)


def _came(store: Store, said: Said, veil: Veil) -> tuple[tuple[Came, ...], Query]:
    """Its outcomes but for the label, and the query that gives them."""
    asked = {"id": said.prediction_id, "model": said.model, "version": said.version, "at": said.timestamp}
    rows = store.rows(_OUTCOMES, asked) if said.prediction_id else []
    shown = [row for row in rows if not veil.dropped(row["outcome"])]
    said_of = [row["label"] or (f"{row['value']:.6g}" if row["value"] is not None else "") for row in shown]
    found = tuple(
        Came(veil.masked(row["outcome"]), veil.value(row["outcome"], text), utc(row["known_at"]))
        for row, text in zip(shown, said_of, strict=True)
    )
    return found, Query("What came of it", _OUTCOMES, asked)


def _features(store: Store, row: Mapping[str, Any], kept: Baseline | None, veil: Veil) -> tuple[tuple[Given, ...], int]:
    values: dict[str, float | str | None] = {**row["numeric_features"], **row["categorical_features"]}
    values |= dict.fromkeys(row["null_features"])
    found = given_beside(store, values, kept)
    found = [each for each in found if each.feature not in row["vectors"]]
    found += [
        Given(name, f"a vector of {length}", None, Usual.NOT_COMPARED, _VECTOR)
        for name, length in row["vectors"].items()
    ]
    seen = [each for each in found if not veil.dropped(each.feature)]
    return tuple(each.veiled(veil) for each in seen), len(found) - len(seen)


def _effects(store: Store, prediction_id: str, veil: Veil) -> tuple[tuple[Effect, ...], str, str]:
    try:
        told = explain(store, prediction_id)
    except LookupError:
        return (
            (),
            "",
            (
                "no attributions are stored for it: the service can send them with the prediction, and "
                "`modelspan explain ID --model module:function` computes them"
            ),
        )
    shown = [each for each in told.reasons if not veil.dropped(each.feature)]
    effects = [Effect(veil.text(one.feature), str(veil.value(one.feature, one.value)), one.effect) for one in shown]
    return tuple(effects), told.method, ""


def _other(row: Mapping[str, Any], veil: Veil) -> Other:
    said = _said(row, veil)
    return Other(said.prediction_id, said.model, said.version, said.timestamp, said.answer)


def _compared(kept: Baseline | None) -> str:
    return f"{kept.source} ({kept.rows:,} rows)" if kept is not None else ""


def _sentence(said: Said, features: tuple[Given, ...], kept: Baseline | None) -> str:
    what = f"failed with {said.error_type}" if said.error_type else f"said {said.answer or 'nothing'}"
    known = "" if said.error_type else f", and {said.truth} was true" if said.truth else ", and no label has come yet"
    odd = [each for each in features if each.state in (Usual.UNUSUAL, Usual.MISSING, Usual.NEW)]
    if kept is None:
        beside = "its features are compared with nothing, as the model has no baseline"
    elif odd:
        named = "; ".join(f"{each.feature} ({each.sentence})" for each in odd[:2])
        beside = f"what stands out: {named}" + (f"; and {len(odd) - 2} more" if len(odd) > 2 else "")
    else:
        beside = f"none of its {len(features):,} features is unusual"
    return f"{said.model} {said.version} {what}{known}. {beside[:1].upper()}{beside[1:]}."
