"""Real profiles of whylogs, made in an environment of its own, with what whylogs itself says of them."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PACKAGES = ("whylogs==1.6.4", "numpy<2", "pandas<3", "setuptools<81")
"""whylogs does not work with NumPy 2, and asks for `pkg_resources`."""
_SCRIPT = """
import json, pathlib, sys, warnings
warnings.filterwarnings("ignore")
import pandas as pd, whylogs as why
from whylogs.core.metrics import MetricConfig
from whylogs.core.schema import DatasetSchema
from whylogs.core.segmentation_partition import segment_on_column

folder, asked = pathlib.Path(sys.argv[1]), json.loads(sys.stdin.read())
frame = pd.DataFrame(asked["rows"])
for name, kind in asked["kinds"].items():
    frame[name] = frame[name].astype(kind)

def told(view):
    summary, found = view.to_pandas(), {}
    for name, column in view.get_columns().items():
        plain = {key: getattr(value, "item", lambda value=value: value)() for key, value in summary.loc[name].items()}
        one = {key: value for key, value in plain.items() if isinstance(value, (int, float))}
        items, numbers = column.get_metric("frequent_items"), column.get_metric("distribution")
        one["items"] = {item.value: [item.lower, item.upper] for item in items.strings} if items else {}
        if numbers and numbers.n:
            one["quantiles"] = numbers.kll.value.get_quantiles([place / 100 for place in range(101)])
        found[name] = one
    return found

views, size = [], -(-len(frame) // asked["parts"])
for part in range(asked["parts"]):
    rows = frame[part * size : (part + 1) * size]
    if asked["segment"]:
        schema = DatasetSchema(segments=segment_on_column(asked["segment"]))
        for one in why.log(rows, schema=schema).get_writables():
            one.write(str(folder / f"segment-{one.get_segment_string()}.bin"))
        continue
    config = MetricConfig(fi_disabled=not asked["counted"])
    views.append(why.log(rows, schema=DatasetSchema(default_configs=config)).view())
    views[-1].write(str(folder / f"part-{part}.bin"))
answers = [told(view) for view in views]
if len(views) > 1:
    merged = views[0]
    for other in views[1:]:
        merged = merged.merge(other)
    (folder / "merged").mkdir()
    merged.write(str(folder / "merged/profile.bin"))
    answers.append(told(merged))
print(json.dumps(answers))
"""


@dataclass(frozen=True)
class Made:
    """Profiles of rows, in parts one after the other."""

    folder: Path
    parts: list[Path]
    merged: Path
    """All parts as whylogs merges them, where there are several."""
    told: list[dict[str, dict[str, Any]]]
    """What `to_pandas` says of each part, and of all merged, by column; `items` and `quantiles` beside it."""


def make(
    python: Path,
    folder: Path,
    rows: Mapping[str, Sequence[Any]],
    *,
    parts: int = 1,
    segment: str = "",
    kinds: Mapping[str, str] | None = None,
    counted: bool = True,
) -> Made:
    """Profile rows.

    Args:
        python: of the environment.
        folder: for the files.
        rows: columns of plain values.
        parts: how many profiles they are to be, one after the other.
        segment: a column, each value of which is to have a profile of its own.
        kinds: types of pandas that columns are to have.
        counted: whether categories are to be counted.
    """
    folder.mkdir(parents=True, exist_ok=True)
    asked = {"rows": {name: list(values) for name, values in rows.items()}, "parts": parts}
    given = json.dumps(asked | {"segment": segment, "kinds": dict(kinds or {}), "counted": counted})
    done = subprocess.run([str(python), "-c", _SCRIPT, str(folder)], input=given, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = sorted(folder.rglob("*.bin")) if segment else [folder / f"part-{part}.bin" for part in range(parts)]
    return Made(folder, found, folder / "merged/profile.bin", json.loads(done.stdout.splitlines()[-1]))
