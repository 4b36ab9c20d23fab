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

QUERY = """
import sys
from modelspan_cli.main import COMMANDS
next(command for command in COMMANDS if command.name == "sql").parser()
print([name for name in sys.modules if name.startswith(("modelspan_analyzer.monitors", "pydantic"))])
"""


def test_nothing_loads_what_only_some_monitors_use() -> None:
    """No part holds scikit-learn or SciPy (100 MB), libraries of frames or the engine (200 MB) before it needs them."""
    assert said(LOADED) == "[]\n"


def test_a_query_loads_no_monitors() -> None:
    """What names a signal alone looks it up in the table of all monitors: they are three quarters of the start."""
    assert said(QUERY) == "[]\n"


def said(program: str) -> str:
    """What a program of its own process prints."""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=120)
    return done.stdout
