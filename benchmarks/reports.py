"""`modelspan drift` against Evidently's report on the same two files: how long each takes, and how large its file is.

Each runs as its user would run it, in a process of its own, from the files to the report: modelspan's command here, and
Evidently's drift and summary presets in an environment of their own. Ratios above 1 are in modelspan's favour.

    python benchmarks/reports.py --json
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
from alarm_peers import install

EVIDENTLY = """
import sys
import pandas as pd
from evidently import Report
from evidently.presets import DataDriftPreset, DataSummaryPreset

reference, current, output, presets = sys.argv[1:]
read = pd.read_parquet if reference.endswith("parquet") else pd.read_csv
chosen = [DataDriftPreset()] if presets == "drift" else [DataDriftPreset(), DataSummaryPreset()]
Report(chosen).run(read(current), read(reference)).save_html(output)
"""
WANTED = {"time": 5.0, "size": 10.0}


def write(folder: Path, rows: int, columns: int, kind: str) -> tuple[Path, Path]:
    """Two files of as many numbers as categories are usual, in a tenth of which something moves."""
    random = np.random.default_rng(1)
    paths = []
    for name, moved in (("reference", 0.0), ("current", 0.5)):
        frame = {}
        for at in range(columns):
            shift = moved * (at % 10 == 0)
            if at % 5 == 4:
                frame[f"category {at}"] = random.choice([f"value {each}" for each in range(3 + at)], rows)
            elif at % 5 == 3:
                frame[f"count {at}"] = random.poisson(20 + 10 * shift, rows)
            else:
                frame[f"number {at}"] = random.normal(shift, 1, rows)
        path = folder / f"{name}.{kind}"
        table = pd.DataFrame(frame)
        table.to_parquet(path) if kind == "parquet" else table.to_csv(path, index=False)
        paths.append(path)
    return paths[0], paths[1]


def timed(command: list[str], ends: tuple[int, ...]) -> tuple[float, float]:
    """Seconds, and seconds of processors, of a command that has to end in one of some ways."""
    start, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode in ends, done.stderr
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.perf_counter() - start, spent


def main() -> None:
    """Run both, in turn, and say by how much they differ."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=500_000)
    parser.add_argument("--columns", type=int, default=30)
    parser.add_argument("--kind", choices=("parquet", "csv"), default="parquet")
    parser.add_argument("--presets", choices=("drift", "both"), default="both", help="of Evidently's report")
    parser.add_argument("--runs", type=int, default=1, help="of each; medians are told")
    parser.add_argument("--environments", type=Path, default=Path(tempfile.gettempdir()) / "modelspan-peers")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    python = install(args.environments, "evidently")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = [str(path) for path in write(folder, args.rows, args.columns, args.kind)]
        ours, theirs = folder / "modelspan.html", folder / "evidently.html"
        command = [sys.executable, "-m", "modelspan_cli", "drift", *files, "-o", str(ours)]
        peer = [str(python), "-W", "ignore", "-c", EVIDENTLY, *files, str(theirs), args.presets]
        times = [(timed(command, (0, 3)), timed(peer, (0,))) for _ in range(args.runs)]
        seconds, spent = (
            [statistics.median(run[product][kind] for run in times) for product in (0, 1)] for kind in (0, 1)
        )
        sizes = [path.stat().st_size for path in (ours, theirs)]
    found = {
        "rows": args.rows,
        "columns": args.columns,
        "kind": args.kind,
        **{
            product: {"seconds": round(seconds[at], 2), "processor_seconds": round(spent[at], 2), "bytes": sizes[at]}
            for at, product in enumerate(("modelspan", "evidently"))
        },
        "ratio": {
            "time": round(seconds[1] / seconds[0], 1),
            "processor_time": round(spent[1] / spent[0], 1),
            "size": round(sizes[1] / sizes[0], 1),
        },
        "wanted": WANTED,
    }
    if args.json:
        print(json.dumps(found))
        return
    for product in ("modelspan", "evidently"):
        print(f"{product:10} {found[product]['seconds']:8.2f} s {found[product]['bytes']:>12,} bytes")
    for what, least in WANTED.items():
        print(f"{what}: {found['ratio'][what]} times better, {least:g} wanted")


if __name__ == "__main__":
    main()
