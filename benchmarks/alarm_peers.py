"""The peers themselves on a few of the windows of `alarms.py`: do they alarm where our version of their rule does?

`install` makes an environment for each; run as a script inside one, this file judges the windows of an .npz file with
the installed package and prints one JSON object.
"""

from __future__ import annotations

import json
import subprocess
import sys
import venv
from pathlib import Path
from typing import Any

import numpy as np

# NannyML imports statsmodels and does not declare it.
PACKAGES = {"evidently": ["evidently==0.7.23", "pandas<3"], "nannyml": ["nannyml==0.13.1", "statsmodels"]}


def install(folder: Path, package: str) -> Path:
    """The Python of an environment with the package, made where it is not there yet (NannyML needs Python < 3.13)."""
    python = folder / package / "bin" / "python"
    if not python.exists():
        venv.create(folder / package, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *PACKAGES[package]], check=True)
    return python


def alarms_of(python: Path, package: str, windows: Path) -> dict[str, Any]:
    """What the package says of the windows: its version, and an alarm a window and feature."""
    command = [python, "-W", "ignore", __file__, package, windows]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def _frame(rows: np.ndarray, numeric: np.ndarray) -> Any:
    import pandas as pd

    frame = pd.DataFrame(rows, columns=[f"f{i}" for i in range(rows.shape[1])])
    for column, is_number in zip(frame, numeric, strict=True):
        if not is_number:
            frame[column] = frame[column].astype(int).astype(str)
    return frame


def _evidently(baseline: Any, windows: list[Any], numeric: np.ndarray) -> tuple[str, list[list[bool]]]:
    import evidently
    from evidently import DataDefinition, Dataset, Report
    from evidently.metrics import ValueDrift

    kinds = {True: [], False: []}
    for column, is_number in zip(baseline, numeric, strict=True):
        kinds[bool(is_number)].append(column)
    definition = DataDefinition(numerical_columns=kinds[True], categorical_columns=kinds[False])
    report = Report([ValueDrift(column=column) for column in baseline], include_tests=True)
    reference, alarms = Dataset.from_pandas(baseline, definition), []
    for window in windows:
        tests = report.run(Dataset.from_pandas(window, definition), reference).dict()["tests"]
        failed = {t["metric_config"]["params"]["column"] for t in tests if t["status"].value == "FAIL"}
        alarms.append([column in failed for column in baseline])
    return evidently.__version__, alarms


def _nannyml(baseline: Any, windows: list[Any], numeric: np.ndarray) -> tuple[str, list[list[bool]]]:
    import nannyml
    from nannyml import UnivariateDriftCalculator

    columns = list(baseline)
    calculator = UnivariateDriftCalculator(
        column_names=columns,
        treat_as_categorical=[column for column, is_number in zip(columns, numeric, strict=True) if not is_number],
        chunk_size=len(windows[0]),
    ).fit(baseline)
    alarms = []
    for window in windows:
        found = calculator.calculate(window).filter(period="analysis").to_df()
        alarms.append([bool(found[column, "jensen_shannon", "alert"].iloc[0]) for column in columns])
    return nannyml.__version__, alarms


def main() -> int:
    package, path = sys.argv[1:]
    data = np.load(path)
    numeric = data["numeric"]
    windows = [_frame(rows, numeric) for rows in data["windows"]]
    judge = {"evidently": _evidently, "nannyml": _nannyml}[package]
    version, alarms = judge(_frame(data["baseline"], numeric), windows, numeric)
    print(json.dumps({"version": version, "alarms": alarms}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
