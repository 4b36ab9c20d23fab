"""The documentation as a site (`make docs`): pages are Markdown; commands, tables and API come from the code itself."""

from __future__ import annotations

import sys
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

sys.path.insert(0, str(Path(__file__).parent))

import reference

project = "modelspan"
author = "the modelspan maintainers"
copyright = f"{author}, Apache-2.0"  # noqa: A001 - Sphinx asks for this name
version = release = installed("modelspan")
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"modelspan {version}"
myst_heading_anchors = 3
myst_enable_extensions = ["deflist"]
autodoc_typehints = "signature"
autodoc_preserve_defaults = True
highlight_language = "none"


def fences_to_blocks(*event: Any) -> None:
    """Docstrings are Markdown: turn their fenced examples into blocks that Sphinx reads, in place."""
    lines: list[str] = event[-1]
    read, fenced = list(lines), False
    lines.clear()
    for line in read:
        if line.startswith("```"):
            fenced = not fenced
            lines.extend(["", ".. code-block:: python", ""] if fenced else [""])
        else:
            lines.append(f"   {line}" if fenced else line)


def setup(app: Sphinx) -> None:
    """Write the reference pages before the sources are read."""
    app.connect("builder-inited", lambda app: reference.write(Path(app.srcdir) / "reference"))
    app.connect("autodoc-process-docstring", fences_to_blocks)
