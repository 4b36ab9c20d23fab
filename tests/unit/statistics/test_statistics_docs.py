"""docs/statistics.md: its table against peers is what is computed, its examples run, and it leaves no measure out."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from peer_rules import count_in_bins, doane_cut_points, fill_zeros, sturges_cut_points

import modelspan_analyzer.statistics
from modelspan_analyzer.statistics.chebyshev import chebyshev_distance
from modelspan_analyzer.statistics.chi_squared import chi_squared
from modelspan_analyzer.statistics.hellinger import hellinger_distance
from modelspan_analyzer.statistics.jensen_shannon import jensen_shannon_distance
from modelspan_analyzer.statistics.kolmogorov_smirnov import kolmogorov_smirnov
from modelspan_analyzer.statistics.kullback_leibler import kullback_leibler_divergence
from modelspan_analyzer.statistics.pca_reconstruction import fit_principal_components, frequency_encoded
from modelspan_analyzer.statistics.psi import psi
from modelspan_analyzer.statistics.wasserstein import normalized_wasserstein_distance

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "statistics.md").read_text()
NO_MEASURES = {
    "special",
    "threads",
    "types",
    "counts",
    "weighted",
    "embeddings",
    "null_distribution",
    "multiple_testing",
    "binomial",
    "robust_deviation",
    "extra_trees",
    "tilting",
}


@pytest.fixture(scope="module")
def computed(shared_data):
    """Our value and the peer's for each line of the table."""
    reference, analysis = (
        pd.read_parquet(shared_data / f"nannyml_synthetic_car_loan__{part}.parquet")
        for part in ("reference", "analysis")
    )
    late, last = analysis.iloc[25_000:50_000], analysis.iloc[45_000:50_000]
    read = {
        name: json.loads((shared_data / "reference" / f"{name}.json").read_text())
        for name in ("evidently_car_loan", "nannyml_car_loan_univariate_size5000", "nannyml_car_loan_pca_size5000")
    }
    evidently = {
        (result["method"], column): result["value"]
        for results in read["evidently_car_loan"]["results"].values()
        for column, result in results.items()
    }
    nannyml = read["nannyml_car_loan_univariate_size5000"]["rows"][-1]

    def categories(column, current):
        names = sorted(set(reference[column]))
        return [np.array([np.sum(side[column] == name) for name in names]) for side in (reference, current)]

    def values(column, current):
        return [side[column].to_numpy(dtype=float) for side in (reference, current)]

    sturges_cuts = sturges_cut_points(np.concatenate(values("car_value", late)))
    sturges = [count_in_bins(side, sturges_cuts)[1:-2] for side in values("car_value", late)]
    doane_cuts = doane_cut_points(reference["car_value"])
    doane = [count_in_bins(side, doane_cuts) for side in values("car_value", last)]
    doane = [np.append(counts[1:-2], counts[0] + counts[-2]) for counts in doane]
    sides = values("debt_to_income_ratio", late)

    def encoded(frame):
        return np.column_stack(
            [
                frame[column].to_numpy(dtype=float)
                if pd.api.types.is_numeric_dtype(frame[column]) and frame[column].dtype != bool
                else frequency_encoded(reference[column].astype(str), frame[column].astype(str))
                for column in read["nannyml_car_loan_pca_size5000"]["params"]["columns"]
            ]
        )

    error = fit_principal_components(encoded(reference)).reconstruction_error(encoded(last))
    salary = categories("salary_range", last)
    return {
        ("PSI", "car_value", "Evidently"): (psi(*sturges, smoothing=fill_zeros), evidently["psi", "car_value"]),
        ("Kullback-Leibler", "car_value", "Evidently"): (
            kullback_leibler_divergence(*sturges, smoothing=fill_zeros),
            evidently["kl_div", "car_value"],
        ),
        ("Jensen-Shannon (nats)", "car_value", "Evidently"): (
            jensen_shannon_distance(*sturges, base=math.e),
            evidently["jensenshannon", "car_value"],
        ),
        ("Normalised Wasserstein", "debt_to_income_ratio", "Evidently"): (
            normalized_wasserstein_distance(*sides, reference_std=sides[0].std()),
            evidently["wasserstein", "debt_to_income_ratio"],
        ),
        ("Kolmogorov-Smirnov p", "debt_to_income_ratio", "Evidently"): (
            kolmogorov_smirnov(*sides, n_reference=50_000, n_current=25_000).p_value,
            evidently["ks", "debt_to_income_ratio"],
        ),
        ("Hellinger", "salary_range", "Evidently"): (
            hellinger_distance(*categories("salary_range", late)),
            evidently["hellinger", "salary_range"],
        ),
        ("Jensen-Shannon", "car_value", "NannyML"): (
            jensen_shannon_distance(*doane),
            nannyml["car_value.jensen_shannon.value"],
        ),
        ("Hellinger", "car_value", "NannyML"): (hellinger_distance(*doane), nannyml["car_value.hellinger.value"]),
        ("L-infinity", "salary_range", "NannyML"): (
            chebyshev_distance(*salary),
            nannyml["salary_range.l_infinity.value"],
        ),
        ("Chi-squared", "salary_range", "NannyML"): (
            chi_squared(*salary).statistic,
            nannyml["salary_range.chi2.value"],
        ),
        ("Reconstruction error", "all columns", "NannyML"): (
            error,
            read["nannyml_car_loan_pca_size5000"]["rows"][-1]["reconstruction_error.value"],
        ),
    }


def test_table_against_peers_is_what_is_computed(computed):
    """Each line of the table, digit by digit, and ours within 1e-9 of the peer's."""
    for (measure, column, tool), (ours, theirs) in computed.items():
        assert float(ours) == pytest.approx(theirs, rel=1e-9, abs=1e-9)
        assert f"| {measure} | {column} | {tool} | {theirs:.9g} | {float(ours):.9g} |" in PAGE
    assert len(re.findall(r"\| (?:Evidently|NannyML) \| \d", PAGE)) == len(computed)


def test_every_measure_is_documented():
    """Each module of `statistics` is named on the page."""
    folder = Path(modelspan_analyzer.statistics.__file__).parent
    modules = {path.stem for path in folder.glob("*.py")} | {path.stem for path in (folder / "detectors").glob("*.py")}
    modules -= {"__init__"} | NO_MEASURES
    assert {module for module in modules if f"`{module}" not in PAGE and f".{module}" not in PAGE} == set()


def test_examples_run(capsys):
    """The page's Python blocks run, and the verdict says what drifted."""
    for block in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL):
        exec(block, {})
    assert "alarm - PSI" in capsys.readouterr().out
