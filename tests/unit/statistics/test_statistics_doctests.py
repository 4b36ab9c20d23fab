"""Every example in a docstring of the statistics says what comes out."""

from __future__ import annotations

import doctest
import importlib
import inspect
import pkgutil

import pytest

import modelspan_analyzer.statistics

PACKAGE = modelspan_analyzer.statistics
MODULES = [found.name for found in pkgutil.walk_packages(PACKAGE.__path__, f"{PACKAGE.__name__}.")]


@pytest.mark.parametrize("name", MODULES)
def test_examples_of_docstrings_hold(name: str) -> None:
    """The examples of one module."""
    assert doctest.testmod(importlib.import_module(name)).failed == 0


MEASURES = (
    *(
        "energy",
        "wasserstein",
        "hellinger",
        "psi",
        "kullback_leibler",
        "jensen_shannon",
        "total_variation",
        "chebyshev",
    ),
    *("g_test", "chi_squared", "kolmogorov_smirnov", "mann_whitney", "cramer_von_mises", "anderson_darling"),
    *("fairness.parity", "fairness.posttraining", "fairness.pretraining", "attribution.ranking"),
    *("performance.classification", "performance.ranking", "performance.regression", "performance.scores"),
    *("estimation.calibrate", "estimation.cbpe", "estimation.dle", "estimation.weighting", "concept.gaps"),
    *("outliers", "mmd", "robust_deviation"),
)
UNSHOWN = {  # the same of many tables or of steps, what is stored of a curve, and parts of others
    *("g_test_of_tables", "chi_squared_of_tables", "mann_whitney_of_counts", "kolmogorov_smirnov_of_steps"),
    "greatest_step",
    *(
        "wasserstein_of_steps",
        "expected_counts",
        "degrees_of_freedom",
        "chi_squared_p_value",
        "by_chance",
        "of_nonzero",
    ),
    *("log_losses", "gain_curve", "conditional_disparity"),
    "taught",
}


@pytest.mark.parametrize("name", MEASURES)
def test_every_measure_shows_how_it_is_called_and_what_comes_out(name: str) -> None:
    """An example by hand, or from where the measure is defined."""
    module = importlib.import_module(f"{PACKAGE.__name__}.{name}")
    own = [one for one in vars(module).values() if inspect.isfunction(one) and one.__module__ == module.__name__]
    public = [one for one in own if not one.__name__.startswith("_")]
    assert public
    bare = {one.__name__ for one in public if ">>>" not in (one.__doc__ or "")}
    assert bare <= UNSHOWN
