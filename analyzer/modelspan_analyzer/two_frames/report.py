"""A comparison as a document, and as JSON (`docs/schemas/drift.schema.json`)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from textwrap import wrap
from typing import Any, Final

from modelspan_analyzer.charts import Bar, histogram_pair, interval_bars, moved_most
from modelspan_analyzer.checking import JUDGED
from modelspan_analyzer.documents import Cell, Document, Drawing, Mini, Name, Part, Section, State, Table
from modelspan_analyzer.results import Found, Verdict
from modelspan_analyzer.two_frames.findings import (
    ANSWERS,
    DRIFT,
    FAIRNESS,
    LABELS,
    PERFORMANCE,
    QUALITY,
    SIGNALS,
    Findings,
    Side,
    decides,
)

MOST_DRAWN: Final = 40
"""Features that are drawn large; all of them stand in the table, drawn small."""
_ORDER: Final = {Verdict.ERROR: 0, Verdict.ALARM: 0, Verdict.WARNING: 1, Verdict.OK: 3}
_QUALITY_SHOWN: Final = 200
_LINE: Final = 250
"""Characters of a cell that lists measures: less than what is cut."""
_NAMES: Final = ("reference", "current")
_OF_MEASURES: Final = (*_NAMES, "95 % interval", "verdict", "why")


def document(findings: Findings) -> Document:
    """All that was found, the answer first."""
    sections = [
        _drift(findings),
        _drawn(findings, DRIFT, "What moved"),
        *(_drawn(findings, signal, SIGNALS[signal]) for signal in (ANSWERS, LABELS)),
        _quality(findings),
        _performance(findings),
        *_fairness(findings),
        _not_looked_at(findings),
        *(_read(side, name) for side, name in zip((findings.reference, findings.current), _NAMES, strict=True)),
        _method(),
    ]
    facts: list[tuple[str, Cell]] = [
        ("Reference", Name(f"{findings.reference.name} ({findings.reference.rows:,} rows)")),
        ("Current", Name(f"{findings.current.name} ({findings.current.rows:,} rows)")),
    ]
    state = State(findings.status.name.lower())
    kept = [section for section in sections if section is not None]
    return Document("Two tables compared", state, findings.sentence, kept, facts)


def as_json(findings: Findings) -> dict[str, Any]:
    """The same as one JSON object; what is undefined is null."""
    return {
        "schema_version": 1,
        "status": findings.status.name.lower(),
        "exit_status": int(findings.status),
        "sentence": findings.sentence,
        "reference": _side_json(findings.reference),
        "current": _side_json(findings.current),
        "findings": [_finding_json(signal, one) for signal in SIGNALS for one in findings.found.get(signal, [])],
        "not_looked_at": dict(findings.not_looked_at),
    }


def _side_json(side: Side) -> dict[str, Any]:
    return {
        "name": side.name,
        "rows": side.rows,
        "assumed": list(side.remarks.assumed),
        "left_out": list(side.remarks.left_out),
    }


def _finding_json(signal: str, one: Found) -> dict[str, Any]:
    seen, judged = one.seen, one.judged
    return {
        "signal": signal,
        "metric": one.metric,
        "feature": seen.feature,
        "segment": seen.segment,
        "value": _plain(one.value),
        "lower": _plain(seen.lower),
        "upper": _plain(seen.upper),
        "verdict": judged.verdict.value,
        "reason": judged.reason,
        "threshold": _plain(judged.threshold),
        "p_value": _plain(judged.p_value),
        "rows": seen.n,
        "rows_reference": seen.n_baseline,
        "details": _plain({**seen.details, **judged.details}),
    }


def _plain(value: object) -> Any:
    """What JSON can say; numbers that are none are null."""
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    return value if isinstance(value, str | int | bool | None) else str(value)


def _judging(found: Sequence[Found]) -> list[Found]:
    """Of each column the one result that carries the verdict, what matters most first."""
    carrying = [one for one in found if "bins" in one.judged.details or one.value is None]
    return sorted(carrying, key=lambda one: (_ORDER.get(one.judged.verdict, 2), -_priority(one)))


def _priority(one: Found) -> float:
    priority = one.judged.details.get("priority", 0.0)
    return float(priority) if isinstance(priority, float | int) else 0.0


def _shares(one: Found) -> tuple[list[str], list[float], list[float]]:
    """The bins of a verdict, with their shares before and now."""
    details: Mapping[str, Any] = one.judged.details
    return details.get("bins", []), details.get("baseline", []), details.get("window", [])


def _drift(findings: Findings) -> Section | None:
    found = _judging(findings.found.get(DRIFT, []))
    rows: list[list[Cell]] = []
    for one in found:
        _, before, now = _shares(one)
        mini = Mini(before, now, f"{one.seen.feature}: reference in grey, current as a line") if before else ""
        rows.append([Name(one.seen.feature), State(one.judged.verdict.value), one.value, mini, one.judged.reason])
    table = Table(("feature", "verdict", "PSI", "distribution", "why"), rows, findings.not_looked_at.get(DRIFT, ""))
    return Section("Features", [table], brief=True)


def _drawn(findings: Findings, signal: str, title: str) -> Section | None:
    """Distributions with the bins that the verdict used: of features those that moved, of answers all."""
    found = [one for one in _judging(findings.found.get(signal, [])) if _shares(one)[0]]
    if signal == DRIFT:
        found = [one for one in found if one.judged.verdict in (Verdict.ALARM, Verdict.WARNING)]
    if not found:
        return None
    parts: list[Part] = []
    for one in found[:MOST_DRAWN]:
        bins, before, now = _shares(one)
        moved = moved_most(before, now) if one.judged.verdict in (Verdict.ALARM, Verdict.WARNING) else ()
        parts.append(Drawing(histogram_pair(one.seen.feature, bins, before, now, moved), _said(one)))
    if (more := len(found) - MOST_DRAWN) > 0:
        parts.append(f"{more:,} more moved; they stand in the table above.")
    return Section(title, parts)


def _said(one: Found) -> str:
    """A verdict in a sentence."""
    words = State(one.judged.verdict.value).words
    return f"{words}: {one.judged.reason}." if one.judged.reason else f"{words}."


def _quality(findings: Findings) -> Section | None:
    found = findings.found.get(QUALITY, [])
    if not found:
        return None
    standing = [one for one in found if one.judged.verdict is not Verdict.OK]
    standing.sort(key=lambda one: _ORDER.get(one.judged.verdict, 2))
    rows: list[list[Cell]] = [
        [Name(one.seen.feature), one.metric.replace("_", " "), State(one.judged.verdict.value), one.judged.reason]
        for one in standing[:_QUALITY_SHOWN]
    ]
    fine = len(found) - len(standing)
    columns = len({one.seen.feature for one in found} - {""})
    said = f"{fine:,} checks of {columns:,} columns found nothing." if fine else "There is no column without a remark."
    if (more := len(standing) - _QUALITY_SHOWN) > 0:
        said += f" {more:,} more findings are in the JSON."
    parts: list[Part] = [said]
    if rows:
        parts.append(Table(("column", "check", "verdict", "why"), rows))
    return Section(SIGNALS[QUALITY], parts, brief=True)


def _performance(findings: Findings) -> Section | None:
    found = findings.found.get(PERFORMANCE, [])
    if not found:
        return None
    rows: list[list[Cell]] = [
        [one.metric.replace("_", " "), *_numbers(one), *_verdict(one)]
        for one in sorted(found, key=lambda one: not decides(one))
    ]
    return Section(SIGNALS[PERFORMANCE], [Table(("measure", *_OF_MEASURES), rows)], brief=True)


def _numbers(one: Found) -> list[Cell]:
    """A measure before and now, and between what it lies."""
    before = one.judged.details.get("baseline")
    between = f"{one.seen.lower:.4g} to {one.seen.upper:.4g}" if _has_interval(one) else ""
    return [float(before) if isinstance(before, float | int) else None, one.value, between]


def _verdict(one: Found) -> list[Cell]:
    """Verdict and reason; none of a measure that is there to be read."""
    if not decides(one):
        return ["", "for information: this measure does not alarm"]
    return [State(one.judged.verdict.value), _why(one)]


def _has_interval(one: Found) -> bool:
    return one.seen.lower is not None and one.seen.upper is not None


def _fairness(findings: Findings) -> Iterator[Section]:
    found = findings.found.get(FAIRNESS, [])
    judged = sorted((one for one in found if _compared(one)), key=lambda one: _ORDER.get(one.judged.verdict, 2))
    open_ = [one for one in found if decides(one) and one.judged.verdict.value not in JUDGED]
    if judged or open_:
        tables = [_groups(judged)] if judged else []
        yield Section(SIGNALS[FAIRNESS], [*_impact(found), *tables, *_not_judged(open_)], brief=True)
    if reading := [one for one in found if not decides(one)]:
        rows = [[*_of_group(one), *_numbers(one)] for one in reading]
        table = Table(("group", "measure", *_OF_MEASURES[:-2]), rows)
        yield Section("Further measures of fairness", ["For information: these measures do not alarm.", table])


def _compared(one: Found) -> bool:
    return decides(one) and one.judged.verdict.value in JUDGED


def _groups(found: Sequence[Found]) -> Table:
    rows = [[*_of_group(one), *_numbers(one), *_verdict(one)] for one in found]
    return Table(("group", "measure", *_OF_MEASURES), rows)


def _of_group(one: Found) -> list[Cell]:
    return [Name(one.seen.segment or one.seen.feature), one.metric.replace("_", " ")]


def _not_judged(found: Sequence[Found]) -> Iterator[Table]:
    """What says nothing, by the reason: of many groups and measures one row, as most have it in common."""
    reasons: dict[tuple[Verdict, str], tuple[dict[str, None], dict[str, None]]] = {}
    for one in found:
        measures, groups = reasons.setdefault((one.judged.verdict, _why(one)), ({}, {}))
        measures[one.metric.replace("_", " ")] = None
        groups[one.seen.segment or one.seen.feature or "all"] = None
    rows: list[list[Cell]] = [
        [some, Name(", ".join(groups)), State(verdict.value), why]
        for (verdict, why), (measures, groups) in reasons.items()
        for some in wrap(", ".join(measures), _LINE)
    ]
    if rows:
        yield Table(("not judged", "of", "verdict", "why"), rows)


def _why(one: Found) -> str:
    """The reason without what stands beside it in a table: of which measure and group."""
    return one.judged.reason.removeprefix(f"{one.metric} of {one.seen.segment or one.seen.feature}: ")


def _impact(found: Sequence[Found]) -> Iterator[Drawing]:
    """The measure that laws ask for, group by group."""
    groups = [one for one in found if one.metric == "disparate_impact"]
    bars = [
        Bar(one.seen.segment, one.value, one.seen.lower, one.seen.upper, one.judged.verdict.value, one.seen.n)
        for one in groups
    ]
    if bars:
        figure = interval_bars("Favourable answers of each group, relative to the others", bars, 1.0)
        yield Drawing(
            figure, "Disparate impact: 1 is equal treatment; below 0.8 is what the four-fifths rule objects to."
        )


def _not_looked_at(findings: Findings) -> Section | None:
    rows: list[list[Cell]] = [[SIGNALS[signal], why] for signal, why in findings.not_looked_at.items()]
    return Section("Not looked at", [Table(("signal", "why"), rows)], brief=True) if rows else None


def _read(side: Side, name: str) -> Section | None:
    rows: list[list[Cell]] = [["assumed", sentence] for sentence in side.remarks.assumed]
    rows += [["left out", sentence] for sentence in side.remarks.left_out]
    return Section(f"How the {name} was read", [Table(("", "what"), rows)]) if rows else None


def _method() -> Section:
    return Section(
        "How this was judged",
        [
            "Bins are pinned on the reference. A feature alarms where its distribution moved far enough to matter "
            "(a population stability index of 0.1 beyond what chance gives at these numbers of rows; 0.05 warns) and "
            "where that is sure (an adjusted p-value of at most 0.001, with the false discovery rate controlled over "
            "all features). Rates of faulty values alarm by the same two conditions. What had too few rows, or nothing "
            "to be compared with, is named as that, and is never called OK.",
        ],
    )
