"""The house keeps its own rules: layers point one way, files stay small, and no SQL file is orphaned."""

import ast
import re
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LAYERS = ("sdk/modelspan", "collector/modelspan_collector", "analyzer/modelspan_analyzer", "cli/modelspan_cli")
MOST_LINES = 400
SOURCES = sorted(path for layer in LAYERS for path in (ROOT / layer).rglob("*.py"))


def imported(path: Path) -> set[str]:
    """The top-level packages that a file imports, wherever in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.split(".")[0])
    return found


@pytest.mark.parametrize(("lower", "upper"), pairwise(LAYERS))
def test_layers_point_one_way(lower: str, upper: str) -> None:
    """No layer imports one above it."""
    above = {Path(layer).name for layer in LAYERS[LAYERS.index(upper) :]}
    offenders = [str(path.relative_to(ROOT)) for path in (ROOT / lower).rglob("*.py") if imported(path) & above]
    assert offenders == []


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_stay_small_and_say_what_they_are(path: Path) -> None:
    """A file holds one concept: it opens with a docstring and fits a few screens."""
    text = path.read_text()
    assert len(text.splitlines()) <= MOST_LINES
    assert ast.get_docstring(ast.parse(text)), "a module opens with a sentence of what it is for"


def test_schema_files_open_with_a_comment() -> None:
    """Every table says in a comment what a row of it is."""
    files = sorted((ROOT / "collector/modelspan_collector/store/schema").glob("*.sql"))
    assert files
    assert [file.name for file in files if not file.read_text().lstrip().startswith("--")] == []


@pytest.mark.parametrize(
    "page", [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))], ids=lambda page: page.name
)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    """Every relative link of a page names a file that is there."""
    targets = re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text())
    assert [target for target in targets if not (page.parent / target).exists()] == []
