"""What takes long to load, and much memory, is loaded where it is used.

pyarrow loads pandas with the first `pa.array` or `empty_table`: a module that needs an empty column or table makes it
by `pa.nulls` or `pa.Table.from_batches`, or in a function.
"""

from __future__ import annotations

import subprocess
import sys

LOADED = """
import sys
import modelspan_analyzer.instance
from modelspan_cli.main import COMMANDS
for command in COMMANDS:
    if command.name != "demo":  # has a model of its own
        command.parser()
print(sorted({"chdb", "scipy", "sklearn", "pandas", "polars"} & set(sys.modules)))
"""


def test_nothing_loads_what_only_some_monitors_use() -> None:
    """No part holds scikit-learn or SciPy (100 MB), libraries of frames or the engine (200 MB) before it needs them."""
    done = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout == "[]\n"
