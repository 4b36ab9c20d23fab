"""modelspan against Evidently and NannyML: the same measures on the same data in one run, and modelspan alone beyond.

`python benchmarks/analyzer.py` measures modelspan; `--peers` installs the peers in an environment of their own (beside
the data, or where `--peers DIR` says) and measures them too; `--json` prints one object with the ratios.
Full size: `--sizes 100000,500000,2000000 --alone 20000000 --peers`.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import venv
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
PEERS = ("evidently==0.7.23", "nannyml==0.13.1", "pandas<3")  # Evidently imports what pandas 3 no longer has
PEER_RUNS = ("evidently-psi", "evidently-wasserstein", "nannyml")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="100000", help="rows a side, comma-separated (default: %(default)s)")
    parser.add_argument("--alone", type=int, default=0, help="rows of predictions that modelspan is measured on alone")
    parser.add_argument("--peers", nargs="?", const="", metavar="DIR", help="measure the peers too")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    args = parser.parse_args()
    answer: dict[str, Any] = {"sizes": {}}
    with tempfile.TemporaryDirectory() as scratch:
        python = peers_python(Path(args.peers or Path(scratch) / "peers")) if args.peers is not None else None
        for rows in [int(size) for size in args.sizes.split(",") if size]:
            folder = Path(scratch) / str(rows)
            folder.mkdir()
            run([sys.executable, str(HERE / "analyzer_data.py"), str(folder), str(rows)])
            answer["sizes"][rows] = measure(folder, rows, python)
            tell(args, rows, answer["sizes"][rows])
        if args.alone:
            folder = Path(scratch) / "alone"
            folder.mkdir()
            run([sys.executable, str(HERE / "analyzer_data.py"), str(folder), "500000"])
            answer["alone"] = {"rows": args.alone}
            for step in ("fill", "sketches"):
                answer["alone"][step] = own(step, folder, args.alone)
            tell(args, args.alone, answer["alone"])
    if args.json:
        print(json.dumps(answer))


def measure(folder: Path, rows: int, python: Path | None) -> dict[str, Any]:
    """All programs on one size."""
    found: dict[str, Any] = {step: own(step, folder, rows) for step in ("fill", "exact", "sketches")}
    if python is None:
        return found
    for name in PEER_RUNS:
        output = run([str(python), str(HERE / "analyzer_peers.py"), name, str(folder)])
        line = next(line for line in output.splitlines() if line.startswith("RESULT "))
        found[name] = json.loads(line.removeprefix("RESULT "))
    found["ratios"] = {
        f"{name}/{ours}": round(
            found[name]["seconds"] / found[ours]["first_seconds" if ours == "exact" else "seconds"], 2
        )
        for name in PEER_RUNS
        for ours in ("exact", "sketches")
    }
    return found


def own(step: str, folder: Path, rows: int) -> dict[str, Any]:
    """One step of modelspan in a process of its own."""
    output = run([sys.executable, str(HERE / "analyzer_modelspan.py"), step, str(folder), str(rows)])
    return dict(json.loads(output.splitlines()[-1]))


def peers_python(folder: Path) -> Path:
    """The Python of an environment with the peers, made on first use."""
    python = folder / "bin" / "python"
    if not python.exists():
        venv.create(folder, with_pip=True)
        run([str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *PEERS])
    return python


def run(command: list[str]) -> str:
    """A command's output; its errors are shown where it fails."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stderr}")
    return done.stdout


def tell(args: argparse.Namespace, rows: int, found: dict[str, Any]) -> None:
    """One line a measurement, for people."""
    if args.json:
        return
    print(f"{rows:,} rows a side, 30 features")
    for name, one in found.items():
        if isinstance(one, dict) and "seconds" in one:
            first = f" (first {one['first_seconds']:.3f} s)" if "first_seconds" in one else ""
            grown = f"{one['peak_mb'] - one['start_mb']:,.0f} MB more than after imports"
            print(f"  {name:24} {one['seconds']:8.3f} s{first}, peak {one['peak_mb']:,.0f} MB, {grown}")
            for window in (key for key in one if key.endswith("_seconds") and key != "first_seconds"):
                print(f"    {window.removesuffix('_seconds'):22} {one[window]:8.3f} s")
    for name, ratio in found.get("ratios", {}).items():
        print(f"  {name:40} {ratio:8.1f} x")


if __name__ == "__main__":
    main()
