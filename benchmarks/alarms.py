"""How often alarms are false, and how often a real shift raises one, for our default rule and for the peers'.

Windows are drawn from streams without drift (`alarm_streams.py`), against a baseline of 20,000 rows drawn from the
same stream, a new one every 50 windows. A window counts as falsely alarmed when any of its 30 features is. Power: one
numeric feature, each in turn, is shifted by half a standard deviation, and the alarm has to name it.

Our rule takes the way of the default monitors: bins pinned on the baseline, `assess_drift`. The peers' default rules
run on our statistics, which equal theirs to 1e-9 (tests/unit/statistics/test_statistics_against_peers.py): Evidently's
(reference above 1,000 rows: normalised Wasserstein or Jensen-Shannon distance of at least 0.1), NannyML's
(Jensen-Shannon distance above mean + 3 standard deviations of reference chunks as large as the window; it is given a
baseline of at least ten chunks), and a Kolmogorov-Smirnov (chi-squared for categories) test at 0.05 a feature.

    python benchmarks/alarms.py [--quick] [--json] [--peers FOLDER]
"""

from __future__ import annotations

import argparse
import functools
import itertools
import json
import math
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import alarm_peers
import numpy as np
from alarm_streams import FEATURES, STREAMS, Pool
from numpy.typing import NDArray
from peer_rules import count_in_bins, doane_cut_points

from modelspan_analyzer.reading.profiles.binning import CATEGORIES, numeric_edges
from modelspan_analyzer.reading.profiles.profile import Support
from modelspan_analyzer.results import Verdict
from modelspan_analyzer.statistics.chi_squared import chi_squared
from modelspan_analyzer.statistics.jensen_shannon import jensen_shannon_distance
from modelspan_analyzer.statistics.kolmogorov_smirnov import kolmogorov_smirnov
from modelspan_analyzer.statistics.wasserstein import normalized_wasserstein_distance
from modelspan_analyzer.verdicts.assess import DEFAULT_RULE, assess_drift
from modelspan_analyzer.verdicts.presets import nannyml_rule
from modelspan_analyzer.verdicts.rule import DriftRule, FeatureCounts

BASELINE_ROWS = 20_000
WINDOWS_PER_BASELINE = 50
MOST_PEER_ROWS = 10_000
SHIFT = 0.5
Rows = NDArray[np.float64]
Judge = Callable[[Rows], NDArray[np.bool_]]
MakeJudge = Callable[[Rows, NDArray[np.bool_], int], Judge]


@dataclass(frozen=True, slots=True)
class Cell:
    """One figure of the table: the share of windows with an alarm (of the shifted feature, for power)."""

    rule: str
    stream: str
    rows: int
    kind: str
    windows: int
    alarmed: int

    @property
    def share(self) -> float:
        """Alarmed windows over all."""
        return self.alarmed / self.windows


def modelspan_judge(baseline: Rows, numeric: NDArray[np.bool_], _rows: int, rule: DriftRule = DEFAULT_RULE) -> Judge:
    """Our rule, on bins pinned on the baseline: quantiles of numbers, the most frequent categories and the others."""
    edges = [_pinned_edges(column, is_number) for column, is_number in zip(baseline.T, numeric, strict=True)]
    widths = [edge.size + 1 for edge in edges]
    offsets = np.concatenate([[0], np.cumsum(widths)])

    def counts(rows: Rows) -> list[NDArray[np.int64]]:
        places = [np.searchsorted(edge, column, side="left") for edge, column in zip(edges, rows.T, strict=True)]
        flat = np.bincount((np.column_stack(places) + offsets[:-1]).ravel(), minlength=int(offsets[-1]))
        return np.split(flat, offsets[1:-1])

    expected = counts(baseline)

    def judge(rows: Rows) -> NDArray[np.bool_]:
        features = [
            FeatureCounts(str(i), expected[i], found, widths[i] if numeric[i] else 0)
            for i, found in enumerate(counts(rows))
        ]
        return np.array([verdict.verdict is Verdict.ALARM for verdict in assess_drift(features, rule)])

    return judge


def _pinned_edges(column: Rows, is_number: np.bool_) -> Rows:
    if is_number:
        return numeric_edges(Support(np.sort(column)))
    codes, counts = np.unique(column, return_counts=True)
    # A category's bin ends at its code; all beyond the most frequent share what lies between, as "other" would.
    own = np.sort(codes[np.argsort(-counts, kind="stable")[:CATEGORIES]])
    return np.unique(np.concatenate([own - 0.5, own]))


def evidently_judge(baseline: Rows, numeric: NDArray[np.bool_], _rows: int) -> Judge:
    """Evidently's default for a reference of more than 1,000 rows; bins made anew with every window."""
    deviations = baseline.std(axis=0)

    def judge(rows: Rows) -> NDArray[np.bool_]:
        return np.array([drifted(i, baseline[:, i], rows[:, i]) for i in range(FEATURES)])

    def drifted(i: int, reference: Rows, current: Rows) -> bool:
        if numeric[i] and np.unique(reference).size > 5:
            return normalized_wasserstein_distance(reference, current, reference_std=deviations[i]) >= 0.1
        return float(jensen_shannon_distance(*_category_counts(reference, current), base=math.e)) >= 0.1

    return judge


def nannyml_judge(baseline: Rows, numeric: NDArray[np.bool_], rows_per_chunk: int) -> Judge:
    """NannyML's default: its thresholds are learnt from reference chunks as large as the window."""
    cuts = [doane_cut_points(column) for column in baseline.T]
    expected = [_doane_counts(column, cut) for column, cut in zip(baseline.T, cuts, strict=True)]

    def distance(i: int, current: Rows) -> float:
        if numeric[i]:
            return float(jensen_shannon_distance(expected[i], _doane_counts(current, cuts[i])))
        return float(jensen_shannon_distance(*_category_counts(baseline[:, i], current)))

    chunks = [baseline[start : start + rows_per_chunk] for start in range(0, len(baseline), rows_per_chunk)]
    rules = [nannyml_rule([distance(i, chunk[:, i]) for chunk in chunks]) for i in range(FEATURES)]
    return lambda rows: np.array(
        [rule.verdict(distance(i, rows[:, i])) is Verdict.ALARM for i, rule in enumerate(rules)]
    )


def _doane_counts(column: Rows, cuts: Rows) -> Rows:
    """Counts in the bins, and in one for what lies outside on either side."""
    counts = count_in_bins(column, cuts)
    return np.append(counts[1:-2], counts[0] + counts[-2])


def tests_judge(baseline: Rows, numeric: NDArray[np.bool_], _rows: int) -> Judge:
    """A test at 0.05 for every feature, as monitoring scripts have it."""

    def p_value(i: int, current: Rows) -> float:
        if numeric[i]:
            sizes = {"n_reference": len(baseline), "n_current": len(current)}
            return kolmogorov_smirnov(baseline[:, i], current, **sizes).p_value
        return chi_squared(*_category_counts(baseline[:, i], current)).p_value

    return lambda rows: np.array([p_value(i, rows[:, i]) < 0.05 for i in range(FEATURES)])


PEERS: dict[str, MakeJudge] = {
    "Evidently's default": evidently_judge,
    "NannyML's default": nannyml_judge,
    "KS at 0.05": tests_judge,
}


def _category_counts(first: Rows, second: Rows) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    most = int(max(first.max(), second.max())) + 1
    return np.bincount(first.astype(int), minlength=most), np.bincount(second.astype(int), minlength=most)


@dataclass(frozen=True, slots=True)
class Trial:
    """So many windows of so many rows, each against a baseline; a new baseline every 50 windows."""

    pool: Pool
    rows: int
    windows: int
    baseline_rows: int

    def draw(self, make: Callable[[Rows], Judge], seed: int) -> Iterator[tuple[Judge, Rows]]:
        """Each window's rows, with the judge made from its baseline."""
        generator, values = np.random.default_rng(seed), self.pool.values
        for first in range(0, self.windows, WINDOWS_PER_BASELINE):
            judge = make(values[generator.integers(0, len(values), self.baseline_rows)])
            for _ in range(min(WINDOWS_PER_BASELINE, self.windows - first)):
                yield judge, values[generator.integers(0, len(values), self.rows)]


def false_alarms(trial: Trial, make: Callable[[Rows], Judge]) -> int:
    """Windows without drift in which any feature raises an alarm."""
    return sum(bool(judge(window).any()) for judge, window in trial.draw(make, seed=1))


def named_shifts(trial: Trial, make: Callable[[Rows], Judge]) -> int:
    """Windows in which the one shifted feature, each numeric one in turn, raises an alarm."""
    candidates, deviations, named = np.flatnonzero(trial.pool.numeric), trial.pool.values.std(axis=0), 0
    for number, (judge, window) in enumerate(trial.draw(make, seed=2)):
        feature = candidates[number % candidates.size]
        window[:, feature] += SHIFT * deviations[feature]
        named += bool(judge(window)[feature])
    return named


def measure(plan: dict[int, int], peer_windows: int, streams: Sequence[str]) -> Iterator[Cell]:
    """All cells, stream by stream; `plan` gives the number of windows for each number of rows."""
    judges = {"modelspan": modelspan_judge, **PEERS}
    for stream in streams:
        pool = STREAMS[stream](np.random.default_rng(7))
        for (rows, planned), (rule, judge_of) in itertools.product(plan.items(), judges.items()):
            ours = rule == "modelspan"
            windows = planned if ours else min(planned, peer_windows)
            if windows == 0 or (rows > MOST_PEER_ROWS and not ours):
                continue
            trial = Trial(pool, rows, windows, baseline_rows(rule, rows))
            make = functools.partial(_made, judge_of, pool.numeric, rows)
            yield Cell(rule, stream, rows, "false", windows, false_alarms(trial, make))
            yield Cell(rule, stream, rows, "power", windows, named_shifts(trial, make))


def baseline_rows(rule: str, rows: int) -> int:
    """Rows of the baseline; NannyML is given the ten chunks that it learns from by default."""
    return max(BASELINE_ROWS, 10 * rows) if rule == "NannyML's default" else BASELINE_ROWS


def _made(judge_of: MakeJudge, numeric: NDArray[np.bool_], rows: int, baseline: Rows) -> Judge:
    return judge_of(baseline, numeric, rows)


def agreement(folder: Path, streams: Sequence[str], windows: int = 3) -> Iterator[dict[str, Any]]:
    """How often the installed peers' alarms are those of our version of their rules, on the same windows."""
    packages = {"evidently": "Evidently's default", "nannyml": "NannyML's default"}
    for package, stream, rows in itertools.product(packages, streams, (100, 1_000)):
        python, rule = alarm_peers.install(folder, package), packages[package]
        pool = STREAMS[stream](np.random.default_rng(7))
        generator = np.random.default_rng(3)
        baseline = pool.values[generator.integers(0, len(pool.values), baseline_rows(rule, rows))]
        drawn = pool.values[generator.integers(0, len(pool.values), (windows, rows))]
        with tempfile.TemporaryDirectory() as scratch:
            path = Path(scratch) / "windows.npz"
            np.savez(path, baseline=baseline, windows=drawn, numeric=pool.numeric)
            answer = alarm_peers.alarms_of(python, package, path)
        judge = PEERS[rule](baseline, pool.numeric, rows)
        same = np.array(answer["alarms"]) == np.array([judge(window) for window in drawn])
        yield {
            "package": package,
            "version": answer["version"],
            "stream": stream,
            "rows": rows,
            "agree": float(same.mean()),
        }


def table(cells: Sequence[Cell]) -> str:
    """The cells for people: a line a rule and stream, a column a number of rows."""
    sizes = sorted({cell.rows for cell in cells})
    lines = []
    for kind, title in (("false", "windows with a false alarm"), ("power", "shifts of 0.5 sd named")):
        lines += [f"\n{title:34}" + "".join(f"{f'{rows:,} rows':>15}" for rows in sizes)]
        for rule in dict.fromkeys(cell.rule for cell in cells):
            for stream in dict.fromkeys(cell.stream for cell in cells):
                shares = {c.rows: c.share for c in cells if (c.rule, c.stream, c.kind) == (rule, stream, kind)}
                row = "".join(f"{shares[rows]:>15.1%}" if rows in shares else f"{'-':>15}" for rows in sizes)
                lines.append(f"{rule:20}{stream:14}{row}")
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a tenth of the windows")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    parser.add_argument("--peer-windows", type=int, default=100, help="windows a cell for the peers' rules (0: none)")
    parser.add_argument("--peers", type=Path, metavar="FOLDER", help="install the peers there; compare 3 windows")
    parser.add_argument("--streams", nargs="+", choices=STREAMS, default=list(STREAMS))
    arguments = parser.parse_args()
    plan = {100: 1000, 1_000: 1000, 10_000: 1000, 100_000: 200}
    if arguments.quick:
        plan = {rows: windows // 10 for rows, windows in plan.items()}
    started = time.perf_counter()
    cells = []
    for cell in measure(plan, arguments.peer_windows, arguments.streams):
        cells.append(cell)
        print(f"{cell.rule}, {cell.stream}, {cell.rows:,} rows, {cell.kind}: {cell.share:.1%}", file=sys.stderr)
    agreed = list(agreement(arguments.peers, arguments.streams)) if arguments.peers else []
    if arguments.json:
        print(json.dumps({"cells": [asdict(cell) | {"share": cell.share} for cell in cells], "agreement": agreed}))
    else:
        print(table(cells))
        for one in agreed:
            print("{package} {version} on {stream}, {rows} rows: same alarms in {agree:.1%}".format(**one))
        print(f"{time.perf_counter() - started:.0f} s")
    ours = [cell for cell in cells if cell.rule == "modelspan"]
    kept = all(cell.share <= 0.01 for cell in ours if cell.kind == "false") and all(
        cell.share >= 0.95 for cell in ours if cell.kind == "power" and cell.rows >= 1000
    )
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
