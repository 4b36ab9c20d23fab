"""What takes long to load, and much memory, is loaded where it is used.

pyarrow loads pandas with the first `pa.array` or `empty_table`: a module that needs an empty column or table makes it
by `pa.nulls` or `pa.Table.from_batches`, or in a function.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]

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


ABSENT = """
import sys
import modelspan_cli.main
needed = {absent}
for name in needed:
    sys.modules[name] = None  # as where it is not installed
for command in modelspan_cli.main.COMMANDS:
    if command.extra == "collector":
        command.parser()
        print(command.name)
"""


def test_a_command_needs_no_more_than_the_extra_that_it_names() -> None:
    """A collector's installation runs queries, schemas and backups without what the analyzer brings."""
    told = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]["analyzer"]
    modules = {"scikit-learn": "sklearn", "pyyaml": "yaml"}
    names = [re.split(r"[\[>=]", each)[0] for each in told if not each.startswith("modelspan")]
    script = ABSENT.format(absent=[modules.get(name, name) for name in names])
    assert said(script).split() == ["collector", "sql", "schema", "backup", "restore"]
