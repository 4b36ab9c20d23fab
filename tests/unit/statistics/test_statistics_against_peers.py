"""Measures equal what NannyML 0.13.1 and Evidently 0.7.23 computed on the same data."""

from __future__ import annotations

import json
import math

import numpy as np
import pandas as pd
import pytest
from peer_rules import count_in_bins, doane_cut_points, fill_zeros, sturges_cut_points

from modelspan_analyzer.statistics.anderson_darling import anderson_darling
from modelspan_analyzer.statistics.chebyshev import chebyshev_distance
from modelspan_analyzer.statistics.chi_squared import chi_squared
from modelspan_analyzer.statistics.cramer_von_mises import cramer_von_mises
from modelspan_analyzer.statistics.domain_trees import domain_trees
from modelspan_analyzer.statistics.hellinger import hellinger_distance
from modelspan_analyzer.statistics.jensen_shannon import jensen_shannon_distance
from modelspan_analyzer.statistics.kolmogorov_smirnov import kolmogorov_smirnov
from modelspan_analyzer.statistics.kullback_leibler import kullback_leibler_divergence
from modelspan_analyzer.statistics.mann_whitney import mann_whitney
from modelspan_analyzer.statistics.pca_reconstruction import fit_principal_components, frequency_encoded
from modelspan_analyzer.statistics.psi import psi
from modelspan_analyzer.statistics.wasserstein import normalized_wasserstein_distance, wasserstein_distance
from modelspan_analyzer.verdicts.normal_range import standard_deviation_range

EXACT = {"abs": 1e-9, "rel": 1e-9}
BINNED_KS, BINNED_WASSERSTEIN = 4e-4, 2e-4  # NannyML estimates both on 10,000 equal-width bins


def load(shared_data, name):
    """A reference result: parameters and rows."""
    return json.loads((shared_data / "reference" / name).read_text())


def frames(shared_data, data):
    """The reference and analysis rows of a data set that NannyML ships."""
    return [
        pd.read_parquet(shared_data / f"nannyml_synthetic_{data}__{part}.parquet") for part in ("reference", "analysis")
    ]


def category_counts(first, second):
    """Counts of both samples over the categories of either."""
    categories = sorted(set(first) | set(second))
    return [np.array([np.sum(side == category) for category in categories]) for side in (first, second)]


def doane_counts(reference, *samples):
    """Counts over Doane bins pinned on the reference, what falls outside on either side in one bin."""
    cuts = doane_cut_points(reference)
    counted = [count_in_bins(sample, cuts) for sample in (reference, *samples)]
    return [np.append(counts[1:-2], counts[0] + counts[-2]) for counts in counted]


def chunks_of(rows, reference, analysis):
    """Each chunk's rows, beside NannyML's row of results."""
    for row in rows:
        frame = reference if row["chunk.chunk.period"] == "reference" else analysis
        yield row, frame.iloc[row["chunk.chunk.start_index"] : row["chunk.chunk.end_index"] + 1]


@pytest.mark.parametrize("data", ["car_loan", "binary", "car_price"])
def test_univariate_measures_of_nannyml(shared_data, data):
    """Jensen-Shannon, Hellinger, L-infinity and chi-squared of every chunk and column; the learnt thresholds too."""
    size = 6000 if data == "car_price" else 5000
    found = load(shared_data, f"nannyml_{data}_univariate_size{size}.json")
    reference, analysis = frames(shared_data, "binary_classification" if data == "binary" else data)
    methods = {tuple(key.split(".")[:2]) for key in found["rows"][0] if not key.startswith("chunk")}
    categorical = {column for column, method in methods if method in ("chi2", "l_infinity")}
    checked = 0
    # Every third chunk: the further ones add time, not cases.
    for row, chunk in list(chunks_of(found["rows"], reference, analysis))[::3]:
        for column in sorted({column for column, _ in methods if column in reference}):
            if column in categorical:
                counts = category_counts(reference[column].dropna().astype(str), chunk[column].dropna().astype(str))
                expected = {
                    "jensen_shannon": jensen_shannon_distance(*counts),
                    "hellinger": hellinger_distance(*counts),
                    "l_infinity": chebyshev_distance(*counts),
                    "chi2": chi_squared(*counts, continuity=True).statistic,
                }
            else:
                sides = [side[column].dropna().to_numpy(dtype=float) for side in (reference, chunk)]
                counts = doane_counts(*sides)
                expected = {
                    "jensen_shannon": jensen_shannon_distance(*counts),
                    "hellinger": hellinger_distance(*counts),
                }
            for method, value in expected.items():
                assert value == pytest.approx(row[f"{column}.{method}.value"], **EXACT), (column, method)
                checked += 1
    assert checked > 50
    for column, method in methods - {(column, "chi2") for column in categorical}:
        learnt = [r[f"{column}.{method}.value"] for r in found["rows"] if r["chunk.chunk.period"] == "reference"]
        upper = found["rows"][0][f"{column}.{method}.upper_threshold"]
        assert standard_deviation_range(learnt).upper == pytest.approx(upper, **EXACT)


def test_values_that_nannyml_estimates_on_bins(shared_data):
    """Kolmogorov-Smirnov and Wasserstein are exact here, and within NannyML's own binning error of its values."""
    found = load(shared_data, "nannyml_car_loan_univariate_size5000.json")
    reference, analysis = frames(shared_data, "car_loan")
    row, chunk = list(chunks_of(found["rows"], reference, analysis))[-1]
    for column in ("car_value", "debt_to_income_ratio", "loan_length", "driver_tenure"):
        sides = [side[column].to_numpy(dtype=float) for side in (reference, chunk)]
        statistic = kolmogorov_smirnov(*sides, n_reference=50_000, n_current=5_000).statistic
        assert statistic == pytest.approx(row[f"{column}.kolmogorov_smirnov.value"], abs=BINNED_KS)
        span = np.ptp(sides[0])
        expected = row[f"{column}.wasserstein.value"]
        assert wasserstein_distance(*sides) == pytest.approx(expected, abs=BINNED_WASSERSTEIN * span)


def test_measures_of_evidently(shared_data):
    """PSI, Jensen-Shannon, KL, Hellinger (categories), Wasserstein and the tests, with Evidently's bins and zeros."""
    found = load(shared_data, "evidently_car_loan.json")
    expected = {
        (result["method"], column): result["value"]
        for results in found["results"].values()
        for column, result in results.items()
    }
    reference, analysis = frames(shared_data, "car_loan")
    current = analysis.iloc[25_000:50_000]
    for column in found["params"]["numeric"] + found["params"]["categorical"]:
        first, second = reference[column], current[column]
        numeric = column in found["params"]["numeric"]
        if numeric and first.nunique() > 20:
            cuts = sturges_cut_points(np.concatenate([first, second]))
            counts = [count_in_bins(side, cuts)[1:-2] for side in (first, second)]
        else:
            counts = category_counts(first, second)
        ours = {
            "psi": psi(*counts, smoothing=fill_zeros),
            "jensenshannon": jensen_shannon_distance(*counts, base=math.e),
            "kl_div": kullback_leibler_divergence(*counts, smoothing=fill_zeros),
        }
        if numeric:
            sides = first.to_numpy(dtype=float), second.to_numpy(dtype=float)
            ours |= {
                "wasserstein": normalized_wasserstein_distance(*sides, reference_std=sides[0].std()),
                "ks": kolmogorov_smirnov(*sides, n_reference=50_000, n_current=25_000).p_value,
                "anderson": anderson_darling(*sides).p_value,
            }
            # Evidently's is one-sided, and the continuity correction leaves 1e-6 between the sides.
            one_sided = expected["mannw", column]
            two_sided = 2 * min(one_sided, 1 - one_sided)
            assert mann_whitney(*sides).p_value == pytest.approx(two_sided, abs=1e-6)
            # Evidently shows scipy's truncated series, 3e-7 where the p-value is far below.
            assert cramer_von_mises(*sides).p_value == pytest.approx(expected["cramer_von_mises", column], abs=1e-6)
        else:
            ours["hellinger"] = hellinger_distance(*counts)
        for method, value in ours.items():
            assert float(value) == pytest.approx(expected[method, column], **EXACT), (method, column)


@pytest.mark.parametrize("data", ["car_loan", "binary", "car_price"])
def test_reconstruction_error_of_nannyml(shared_data, data):
    """The reconstruction error of every chunk, and the number of components, with categories as frequencies."""
    found = load(shared_data, f"nannyml_{data}_pca_size{6000 if data == 'car_price' else 5000}.json")
    reference, analysis = frames(shared_data, "binary_classification" if data == "binary" else data)
    columns = found["params"]["columns"]

    def encoded(frame):
        return np.column_stack(
            [
                frame[column].to_numpy(dtype=float)
                if pd.api.types.is_numeric_dtype(reference[column]) and reference[column].dtype != bool
                else frequency_encoded(reference[column].astype(str), frame[column].astype(str))
                for column in columns
            ]
        )

    components = fit_principal_components(encoded(reference), variance=0.65)
    assert components.components.shape == (found["params"]["fitted_components"], len(columns))
    rows = {"reference": encoded(reference), "analysis": encoded(analysis)}
    for row in found["rows"]:
        chunk = rows[row["chunk.period"]][row["chunk.start_index"] : row["chunk.end_index"] + 1]
        assert components.reconstruction_error(chunk) == pytest.approx(row["reconstruction_error.value"], **EXACT)


def test_domain_classifier_sees_what_nannyml_sees(shared_data):
    """Randomised trees against gradient boosting: near NannyML's area on a quiet and on a drifted chunk."""
    found = load(shared_data, "nannyml_car_loan_domain_classifier_size5000.json")
    reference, analysis = frames(shared_data, "car_loan")
    columns = found["params"]["columns"]
    codes = {c: {v: i for i, v in enumerate(sorted(reference[c].astype(str).unique()))} for c in columns}

    def encoded(frame):
        return np.column_stack(
            [
                frame[c].to_numpy(dtype=float)
                if pd.api.types.is_numeric_dtype(frame[c]) and frame[c].dtype != bool
                else frame[c].astype(str).map(codes[c]).to_numpy(dtype=float)
                for c in columns
            ]
        )

    for row in (found["rows"][10], found["rows"][-1]):
        chunk = analysis.iloc[row["chunk.start_index"] : row["chunk.end_index"] + 1]
        drawn = np.random.default_rng(0).permutation(len(reference))[:5000]
        area = domain_trees(encoded(reference.iloc[drawn]), encoded(chunk)).auc
        assert area == pytest.approx(row["domain_classifier_auroc.value"], abs=0.03)
