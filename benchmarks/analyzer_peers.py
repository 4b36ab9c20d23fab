"""The peers' part of the analyzer benchmark; run by the Python of an environment that has them."""

from __future__ import annotations

import json
import os
import resource
import sys
import time
import warnings
from pathlib import Path

import pandas as pd

warnings.filterwarnings("ignore")
# Neither peer calls home while it is timed.
os.environ |= {"NML_DISABLE_USAGE_LOGGING": "1", "DO_NOT_TRACK": "1"}


def evidently(reference: pd.DataFrame, current: pd.DataFrame, stattest: str) -> None:
    """Evidently's drift preset with one measure for the numeric features (it takes one a run)."""
    from evidently import Report
    from evidently.presets import DataDriftPreset

    categorical = {"chisquare"} if stattest == "ks" else {"jensenshannon"}
    preset = DataDriftPreset(num_method=stattest, cat_method=next(iter(categorical)))
    Report([preset]).run(current, reference).dict()


def nannyml(reference: pd.DataFrame, current: pd.DataFrame) -> None:
    """NannyML's univariate drift with its three numeric and two categorical measures, one chunk a sample."""
    import nannyml as nml

    calculator = nml.UnivariateDriftCalculator(
        column_names=list(reference.columns),
        continuous_methods=["jensen_shannon", "kolmogorov_smirnov", "wasserstein"],
        categorical_methods=["jensen_shannon", "chi2"],
        chunk_size=len(reference),
    )
    calculator.fit(reference)
    calculator.calculate(current).to_df()


def peak_mb() -> float:
    """The most memory that this process has had so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    name, folder = sys.argv[1], Path(sys.argv[2])
    __import__("nannyml" if name == "nannyml" else "evidently.presets")
    start = peak_mb()
    before, after = (pd.read_parquet(folder / f"{part}.parquet") for part in ("reference", "current"))
    began = time.perf_counter()
    if name == "nannyml":
        nannyml(before, after)
    else:
        evidently(before, after, name.removeprefix("evidently-"))
    seconds = time.perf_counter() - began
    print("RESULT " + json.dumps({"seconds": seconds, "peak_mb": peak_mb(), "start_mb": start}))
