"""Table of readers: everything that is told of a model's predictions. A new one is one line here.

A reader looks at one cell, a source's rows behind one access, and compares what it says with `conformance_expected`.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any
from urllib.parse import urlencode
from urllib.request import urlopen

import conformance_expected as expected
import numpy as np
import pytest
from conformance_access import Access, Bench
from conformance_data import (
    BASELINE,
    BLOCK_ROWS,
    BLOCKS,
    FAILING_EVERY,
    FORGOTTEN,
    LIVE,
    REGIONS,
    ROWS,
    Rows,
    fails,
    prediction_id,
)
from conformance_data import trace_id as trace_of
from conformance_sources import Source
from conformance_upstream import VERSION

from modelspan_analyzer import incidents
from modelspan_analyzer.config.alert_settings import AlertSettings
from modelspan_analyzer.config.settings import ModelSettings
from modelspan_analyzer.governance.forget import forget
from modelspan_analyzer.governance.subject import Subject
from modelspan_analyzer.instants import utc
from modelspan_analyzer.monitors.context import MonitorContext
from modelspan_analyzer.monitors.drift.data_drift import data_drift
from modelspan_analyzer.monitors.drift.output_slices import prediction_slices
from modelspan_analyzer.monitors.drift.prediction_drift import prediction_drift
from modelspan_analyzer.monitors.drift.slices import slices
from modelspan_analyzer.monitors.fairness.monitor import fairness
from modelspan_analyzer.monitors.performance.monitor import performance
from modelspan_analyzer.monitors.quality.monitor import data_quality
from modelspan_analyzer.monitors.quality.slices import quality_slices
from modelspan_analyzer.reading import baselines
from modelspan_analyzer.results import Result, Window
from modelspan_analyzer.views import incident as incident_page
from modelspan_analyzer.views import prediction
from modelspan_analyzer.views.query import Query
from modelspan_analyzer.views.veil import Veil
from modelspan_analyzer.why import Finding, explain
from modelspan_collector.sqlhttp.reader import SqlReader
from modelspan_collector.store.connect import Store

HOUR = timedelta(hours=1)
TO_FORGET = "to forget"
SETTINGS = ModelSettings.model_validate(
    {
        "segments": ("tag.region",),
        "data_drift": {"exact": True, "min_rows": 20},
        "data_quality": {"min_rows": 20},
        "performance": {"min_rows": 50},
        "fairness": {"facets": ("region", "member"), "min_group": 20, "flip_rows": 0, "estimated": False},
    }
)


@dataclass(frozen=True)
class Cell:
    """What one source sent through one access."""

    bench: Bench
    access: Access
    source: Source
    copies: Callable[[Access], Store]
    """The access's store, backed up and restored into another."""
    erased: Callable[[], None]
    """Sends every cell that is there to be erased in part, and erases that part of all of them."""
    purpose: str = ""
    """Of a cell that is sent for one reader alone."""

    @property
    def model(self) -> str:
        """The model's name, which no other cell has."""
        name = " ".join([self.source.name, "by", self.access.name, self.purpose]).strip()
        return name.replace(" ", "-").replace("'", "")

    @property
    def store(self) -> Store:
        """Where the rows are."""
        return self.bench.reading(self.access)

    def seen(self, rows: Rows) -> Rows:
        """Rows as the store has to hold them."""
        held = self.source.holds(rows)
        return self.access.changes(held) if self.source.gated else held

    @cached_property
    def live(self) -> Rows:
        """What was sent, as the store has to hold it."""
        return self.seen(LIVE)

    @cached_property
    def window(self) -> Window:
        """The whole hours that the rows are in."""
        found = self.store.rows(
            "SELECT min(timestamp) AS first, max(timestamp) AS last FROM predictions WHERE model = {model:String}",
            {"model": self.model},
        )[0]
        first, last = utc(found["first"]), utc(found["last"])
        return Window(_hour(first), _hour(last) + HOUR)

    @cached_property
    def before(self) -> Rows:
        """The baseline's rows, as they were set."""
        return self.seen(BASELINE)

    @cached_property
    def context(self) -> MonitorContext:
        """The window and a baseline of the same shape, as the monitors see them."""
        baseline = baselines.active(self.store, self.model, VERSION) or baselines.set_from_table(
            self.store,
            self.model,
            VERSION,
            self.before.baseline_table(),
            prediction="predicted",
            score="score",
            label="truth",
            features=list(self.before.features),
            tags=list(self.before.tags),
            source="conformance",
        )
        return MonitorContext(self.store, self.model, VERSION, self.window, baseline, SETTINGS)


def _hour(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)


@dataclass(frozen=True)
class Reader:
    """One thing that is told of predictions."""

    name: str
    check: Callable[[Cell], None]
    monitors: tuple[str, ...] = ()
    """The monitors that it runs."""


# --- rows and sketches -------------------------------------------------------------------------------


def predictions(cell: Cell) -> None:
    """Every row is there once, with all that was sent of it and nothing else."""
    _all_rows(cell, cell.store)


_ROWS = """
SELECT prediction_id, trace_id, mapSort(numeric_features) AS numeric_features,
       mapSort(categorical_features) AS categorical_features, arraySort(null_features) AS null_features, value, label,
       mapSort(tags) AS tags
FROM predictions WHERE model = {model:String} ORDER BY prediction_id
"""


def _all_rows(cell: Cell, store: Store, kept: Sequence[int] = range(ROWS)) -> None:
    _are_all(cell, store.rows(_ROWS, {"model": cell.model}), kept)


def _are_all(cell: Cell, found: list[dict[str, Any]], kept: Sequence[int] = range(ROWS)) -> None:
    assert [row.pop("prediction_id") for row in found] == [prediction_id(cell.model, row) for row in kept]
    traces = [row.pop("trace_id") for row in found]
    if cell.source.traced:
        assert traces == [trace_of(cell.model, row // BLOCK_ROWS) for row in kept]
    wanted = [expected.stored(cell.live, row) for row in kept]
    assert found == wanted


def by_sql(cell: Cell) -> None:
    """The same rows through ClickHouse's HTTP protocol."""
    port = cell.bench.sql[cell.store.database].port
    query = urlencode({"query": f"{_ROWS} FORMAT JSONEachRow", "param_model": cell.model})
    with urlopen(f"http://127.0.0.1:{port}/?{query}", timeout=60) as answer:
        _are_all(cell, [json.loads(line) for line in answer])


def by_page(cell: Cell) -> None:
    """The same rows on the page on which people ask in SQL."""
    answer = SqlReader(cell.store).ask(Query("", _ROWS, {"model": cell.model}).text)
    _are_all(cell, [dict(zip(answer.names, row, strict=True)) for row in answer.rows])


def one_by_one(cell: Cell) -> None:
    """A prediction's page has what it was given, what it said, and what was true."""
    assert cell.context.baseline is not None
    for row in (0, BLOCK_ROWS * FAILING_EVERY - 1, ROWS - 1):
        asked = {"id": prediction_id(cell.model, row), "model": cell.model}
        page = prediction.read(cell.store, asked, AlertSettings(), Veil())
        assert page.said is not None
        held = expected.stored(cell.live, row)
        assert (page.said.value, page.said.label, page.said.tags) == (held["value"], held["label"], held["tags"])
        assert page.said.truth == (cell.live.truth[row] or "")
        given = {**held["numeric_features"], **held["categorical_features"]}
        shown = {one.feature: one.value if one.number is None else one.number for one in page.features}
        assert shown == {name: given.get(name, "missing") for name in cell.live.features}


def sketches(cell: Cell) -> None:
    """Counts, sums, extremes, categories and missing values of every feature, kept on insert."""
    _sketches(cell, cell.store, cell.live)


def _sketches(cell: Cell, store: Store, rows: Rows) -> None:
    found = store.rows(
        "SELECT source, feature, kind, sum(rows) AS n, sum(total) AS total, sum(squares) AS squares,"
        " min(minimum) AS low, max(maximum) AS high, approx_top_kMerge(64, 256)(top) AS top FROM feature_profiles"
        " WHERE model = {model:String} AND segment = '' GROUP BY source, feature, kind",
        {"model": cell.model},
    )
    kept = {(row["source"], row["feature"], row["kind"]): row for row in found}
    for name in rows.numeric:
        values, sketch = expected.present(rows, name), kept["feature", name, "numeric"]
        assert (sketch["n"], sketch["low"], sketch["high"]) == (values.size, values.min(), values.max()), name
        assert sketch["total"] == pytest.approx(values.sum(), rel=1e-9), name
        assert sketch["squares"] == pytest.approx((values**2).sum(), rel=1e-9), name
    for name, column in rows.categorical.items():
        counted = _counted(kept["feature", name, "categorical"]["top"])
        assert counted == Counter(one for one in column if one is not None), name
    for name in rows.features:
        gone = 0 if name in rows.unsaid else expected.missing(rows, name)
        assert kept.get(("feature", name, "null"), {"n": 0})["n"] == gone, name
    score = kept["prediction", "value", "numeric"]
    assert (score["n"], score["total"]) == (rows.score.size, pytest.approx(rows.score.sum(), rel=1e-9))
    labels = _counted(kept["prediction", "label", "categorical"]["top"])
    assert labels == Counter(rows.predicted)


def _counted(top: Sequence[Mapping[str, object]]) -> dict[object, object]:
    """Categories and how often each came, out of a sketch's counters."""
    return {value: count for value, count, *_ in (counter.values() for counter in top)}


# --- monitors ----------------------------------------------------------------------------------------


def _values(results: Sequence[Result]) -> dict[tuple[str, str, str], Result]:
    return {(one.metric, one.feature, one.segment): one for one in results}


def drift(cell: Cell) -> None:
    """The distances of every feature and of the answers from the baseline are SciPy's."""
    found = _values(data_drift(cell.context))
    for (metric, name), value in expected.drift(cell.before, cell.live).items():
        assert found[metric, name, ""].value == pytest.approx(value, abs=1e-9), (metric, name)
    for name, statistic in expected.category_drift(cell.before, cell.live).items():
        assert found["chi_squared", name, ""].value == pytest.approx(statistic, rel=1e-6), name
    answers = _values(prediction_drift(cell.context))["kolmogorov_smirnov", "value", ""]
    assert answers.value == pytest.approx(expected.ks(cell.before.score, cell.live.score), abs=1e-9)
    assert answers.n == ROWS


def quality(cell: Cell) -> None:
    """The shares of missing values and the number of rows."""
    found = _values(data_quality(cell.context))
    assert found["volume", "", ""].value == ROWS
    assert found["duplicate_id_rate", "", ""].value == 0
    for name in cell.live.features:
        share = expected.missing(cell.live, name) / ROWS
        assert found["null_rate", name, ""].value == pytest.approx(share, abs=1e-9), name
    assert found["type_error_rate", "amount", ""].value == 0
    assert found["missing_features", "", ""].value == found["new_features", "", ""].value == 0


def with_labels(cell: Cell) -> None:
    """Measures of all rows and of each region are scikit-learn's; the share of labels is right."""
    found = _values(performance(cell.context))
    known = ROWS - cell.live.truth.count(None)
    assert found["labels_share", "", ""].value == pytest.approx(known / ROWS)
    for region in ("", *REGIONS):
        chosen = [row for row in range(ROWS) if region in ("", cell.live.tags["region"][row])]
        before, after = (expected.performance(rows.select(chosen)) for rows in (cell.before, cell.live))
        for metric, value in after.items():
            result = found[metric, "", f"tag.region={region}" if region else ""]
            assert result.value == pytest.approx(value, abs=1e-9), (metric, region)
            assert result.details["baseline"] == pytest.approx(before[metric], abs=1e-9), (metric, region)


def fair_by_tag(cell: Cell) -> None:
    """Disparate impact of each region."""
    _disparate(cell, "region", cell.live.tags["region"])


def fair_by_feature(cell: Cell) -> None:
    """Disparate impact of members and others."""
    _disparate(cell, "member", cell.live.categorical["member"])


def _disparate(cell: Cell, facet: str, groups: tuple[str | None, ...]) -> None:
    found = _values(fairness(cell.context))
    for group, value in expected.disparate_impact(cell.live, groups).items():
        assert found["disparate_impact", facet, f"{facet}={group}"].value == pytest.approx(value, abs=1e-9), group


def in_slices(cell: Cell) -> None:
    """The distances within each region, of features and answers, from the baseline's own; and what is missing there."""
    found = _values([*slices(cell.context), *prediction_slices(cell.context), *quality_slices(cell.context)])
    for region in REGIONS:
        here = [[row for row in range(ROWS) if rows.tags["region"][row] == region] for rows in (cell.before, cell.live)]
        before, after = (rows.select(chosen) for rows, chosen in zip((cell.before, cell.live), here, strict=True))
        answers = found["kolmogorov_smirnov", "value", f"tag.region={region}"]
        assert answers.value == pytest.approx(expected.ks(before.score, after.score), abs=1e-9), region
        for name in after.features:
            share = expected.missing(after, name) / len(here[1])
            missing = found["null_rate", name, f"tag.region={region}"]
            assert missing.value == pytest.approx(share, abs=1e-9), (name, region)
        for (metric, name), value in expected.drift(before, after).items():
            result = found[metric, name, f"tag.region={region}"]
            assert result.value == pytest.approx(value, abs=1e-9), (metric, name, region)


# --- reasons -----------------------------------------------------------------------------------------


def why(cell: Cell) -> None:
    """Of the rows without `amount` it is said how many there are, and that the feature store failed in their traces."""
    answer = explain(cell.store, Finding(cell.model, cell.window, "missing", feature="amount", version=VERSION))
    gone = expected.missing(cell.live, "amount")
    assert (answer.n_flagged, answer.n_other) == (gone, ROWS - gone)
    _blames_the_feature_store(answer.causes[0].service, answer.causes[0].flagged_share, answer.causes[0].other_share)


def _blames_the_feature_store(service: str, flagged: float, other: float) -> None:
    assert service == "feature-store"
    failing = sum(map(fails, range(BLOCKS)))
    assert (flagged, other) == (pytest.approx(1.0), pytest.approx(0.0)), f"{failing} of {BLOCKS} traces"


def incident(cell: Cell) -> None:
    """The missing values open one incident, with the rows that they affect and their cause."""
    incidents.update(cell.store, data_quality(cell.context), cell.window.end + HOUR)
    (opened,) = incidents.load(cell.store, model=cell.model)
    assert {(one.metric, one.feature) for one in opened.findings} >= {("null_rate", "amount")}
    assert opened.affected == expected.missing(cell.live, "amount")
    assert opened.cause.startswith("feature-store" if cell.source.traced else "")
    page = incident_page.read(
        cell.store, {"incident_id": opened.incident_id}, AlertSettings(), Veil(), cell.window.end + HOUR
    )
    assert {(one.metric, one.feature) for one in page.findings} == {
        (one.metric, one.feature) for one in opened.findings
    }
    assert f"{opened.affected:,}" in page.affected
    lacking = {prediction_id(cell.model, row) for row in range(ROWS) if np.isnan(cell.live.numeric["amount"][row])}
    assert page.samples
    assert {one.prediction_id for one in page.samples} <= lacking


# --- copied and erased -------------------------------------------------------------------------------


def restored(cell: Cell) -> None:
    """A backup that was restored elsewhere holds the same rows and the same sketches."""
    copy = cell.copies(cell.access)
    _all_rows(cell, copy)
    _sketches(cell, copy, cell.live)


def forgotten(cell: Cell) -> None:
    """One person's rows are gone, whatever database they were in, and all others are there, in rows and sketches."""
    cell.erased()
    cell = replace(cell, purpose=TO_FORGET)
    kept = [row for row in range(ROWS) if cell.live.tags["subject"][row] != FORGOTTEN]
    _all_rows(cell, cell.store, kept)
    _sketches(cell, cell.store, cell.live.select(kept))
    labels = cell.store.scalar("SELECT count() FROM labels FINAL WHERE model = {m:String}", {"m": cell.model})
    assert labels == sum(cell.live.truth[row] is not None for row in kept)


def erase(cells: Sequence[Cell]) -> None:
    """Send cells of their own, as no other may miss a row, and forget one person of each at once, in every database."""
    apart = [replace(cell, purpose=TO_FORGET) for cell in cells]
    for cell in apart:
        cell.source.send(cell.bench, cell.access, cell.model)
    bench = apart[0].bench
    bench.flush()
    named = frozenset(prediction_id(cell.model, row) for cell in apart for row in _persons(cell))
    done = forget(bench.store, Subject(prediction_ids=named, every_tenant=True), patience=0)
    assert (done.predictions, list(done.left)) == (BLOCK_ROWS * len(apart), [])


def _persons(cell: Cell) -> list[int]:
    return [row for row, subject in enumerate(LIVE.tags["subject"]) if subject == FORGOTTEN]


READERS: Sequence[Reader] = (
    Reader("predictions", predictions),
    Reader("rows by SQL", by_sql),
    Reader("SQL page", by_page),
    Reader("prediction page", one_by_one),
    Reader("sketches", sketches),
    Reader("drift", drift, ("data_drift", "prediction_drift")),
    Reader("quality", quality, ("data_quality",)),
    Reader("performance", with_labels, ("performance",)),
    Reader("fairness by tag", fair_by_tag, ("fairness",)),
    Reader("fairness by feature", fair_by_feature, ("fairness",)),
    Reader("slices", in_slices, ("slices", "prediction_slices", "quality_slices")),
    Reader("why", why),
    Reader("incidents", incident),
    Reader("restored", restored),
    Reader("forgotten", forgotten),
)
