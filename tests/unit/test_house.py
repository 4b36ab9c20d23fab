"""The house keeps its own rules: layers point one way, files stay small, and no SQL file is orphaned."""

import ast
import re
import sys
import sysconfig
from collections import Counter
from importlib.machinery import PathFinder
from itertools import pairwise
from pathlib import Path

import pytest

import modelspan

ROOT = Path(__file__).resolve().parents[2]
LAYERS = ("sdk/modelspan", "collector/modelspan_collector", "analyzer/modelspan_analyzer", "cli/modelspan_cli")
TESTS = ROOT / "tests"
MOST_LINES = 400
MOST_LINES_OF_A_FUNCTION = 40
SOURCES = sorted(path for layer in LAYERS for path in (ROOT / layer).rglob("*.py"))


FROM_BELOW = {
    "collector.otlp": "",
    "collector.store": "",
    "collector.wal": "",
    "collector.write": "sdk.conventions sdk.features",
    "collector.access": "sdk.conventions sdk.features sdk.patterns",
    "collector.forward": "sdk.conventions",
    "collector.receive": "sdk.conventions",
    "collector.cloudevents": "sdk.conventions sdk.capture.batches sdk.capture.tables",
    "collector.sqlhttp": "",
    "analyzer.statistics": "",
    "analyzer.verdicts": "",
    "analyzer.charts": "",
    "analyzer.documents": "",
    "analyzer.two_frames": "sdk.capture.tables sdk.capture.values sdk.features",
    "analyzer.captures": "collector.bounded collector.cloudevents.payloads",
    "analyzer.files": "collector.store collector.bounded collector.write.arrow_size sdk.features",
    "analyzer.reading": "collector.store collector.sqlhttp.reader collector.sqlhttp.errors collector.write.maps "
    "sdk.conventions sdk.features",
    "analyzer.config": "collector.store collector.forward.destination sdk.conventions",
    "analyzer.explain": "collector.store",
    "analyzer.monitors": "collector.store collector.sqlhttp.reader collector.sqlhttp.errors",
    "analyzer.why": "collector.store sdk.conventions",
    "analyzer.incidents": "collector.store sdk.conventions",
    "analyzer.alerts": "collector.store",
    "analyzer.governance": "collector.store collector.otlp.signals collector.otlp.wire collector.wal.erase "
    "sdk.conventions",
    "analyzer.retraining": "collector.store",
    "analyzer.comparison": "collector.store",
    "analyzer.runner": "collector.store collector.background",
    "analyzer.events": "collector.store collector.background collector.forward collector.otlp.signals sdk.conventions",
    "analyzer.views": "collector.store collector.access.rules collector.sqlhttp",
    "analyzer.reports": "collector.access.rules collector.store collector.background",
    "analyzer.web": "collector.access collector.store collector.bounded collector.origins collector.running "
    "collector.serve collector.sqlhttp "
    "collector.operations collector.service collector.wal.erase collector.wal.journal",
    "analyzer.whylogs": "collector.access.redact_text collector.access.rules collector.store",
    "analyzer.replay": "collector.running sdk.conventions",
}
"""Every package, and what of the layers below it may use: whole packages, or one module of a package."""


def imported(path: Path) -> set[str]:
    """The top-level packages that a file imports, wherever in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.split(".")[0])
    return found


@pytest.mark.parametrize(("lower", "upper"), list(pairwise(LAYERS)))
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


def test_tests_wait_for_conditions_and_never_sleep() -> None:
    """All waiting is `support.eventually`: a fixed sleep is too short on one machine, and too long on another."""
    slept = [
        f"{path.relative_to(TESTS)}:{node.lineno}"
        for path in TESTS.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("time.sleep", "sleep")
    ]
    assert [place.partition(":")[0] for place in slept] == ["support.py"], slept


@pytest.mark.parametrize("folder", ["benchmarks", "tests"])
def test_no_module_beside_the_packages_hides_one_that_is_installed(folder: str) -> None:
    """Both folders are on the path of the tests: a `coverage.py` there is what a library then imports for its own."""
    own, elsewhere = ROOT / folder, [place for place in sys.path if ROOT not in (Path(place), *Path(place).parents)]
    elsewhere.append(sysconfig.get_path("purelib"))
    named = [each.stem for each in own.iterdir() if each.suffix == ".py" or (each / "__init__.py").exists()]
    assert not [name for name in named if PathFinder.find_spec(name, elsewhere)]


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


def modules(layer: str) -> dict[str, Path]:
    """The modules of a layer by their dotted names."""
    root = ROOT / layer
    names = {path: ".".join(path.relative_to(root.parent).with_suffix("").parts) for path in root.rglob("*.py")}
    return {name.removesuffix(".__init__"): path for path, name in names.items()}


def arrows(layer: str) -> dict[str, set[str]]:
    """Which modules of the layer each of its modules imports, wherever in it."""
    return among(modules(layer))


def everywhere() -> dict[str, set[str]]:
    """Which modules of all layers each of their modules imports, by the names that the table has."""
    known = {name: path for layer in LAYERS for name, path in modules(layer).items()}
    return {short(name): {short(target) for target in targets} for name, targets in among(known).items()}


def among(known: dict[str, Path]) -> dict[str, set[str]]:
    """Which of some modules each of them imports, wherever in it."""
    found: dict[str, set[str]] = {}
    for name, path in known.items():
        targets: set[str] = set()
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                targets |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                full = {f"{node.module}.{alias.name}" for alias in node.names}
                targets |= {one if one in known else node.module for one in full}
        found[name] = {target for target in targets if target in known} - {name}
    return found


def circles(graph: dict[str, set[str]]) -> list[set[str]]:
    """Groups of nodes each of which leads to each other."""
    reach: dict[str, set[str]] = {}
    for start in graph:
        seen: set[str] = set()
        ahead = [start]
        while ahead:
            for following in graph.get(ahead.pop(), set()) - seen:
                seen.add(following)
                ahead.append(following)
        reach[start] = seen
    groups = {frozenset(o for o in reach[one] if one in reach.get(o, ())) for one in graph if one in reach[one]}
    return [set(group) for group in groups]


def room(name: str) -> str:
    """The package right under its layer that a module stands in; a module beside those is a room of its own."""
    return ".".join(name.split(".")[:2])


@pytest.mark.parametrize("layer", LAYERS)
def test_no_circles_of_modules(layer: str) -> None:
    """No module imports itself by way of others, not even inside a function."""
    assert circles(arrows(layer)) == []


@pytest.mark.parametrize("layer", LAYERS)
def test_no_circles_of_packages(layer: str) -> None:
    """Packages of a layer depend on each other one way: who reads one need not read the other first."""
    rooms: dict[str, set[str]] = {}
    for name, targets in arrows(layer).items():
        own = room(name)
        rooms.setdefault(own, set()).update({room(target) for target in targets} - {own, Path(layer).name})
    assert circles(rooms) == []


def short(name: str) -> str:
    """A module's dotted name as the table has it: `collector.store.connect`, `sdk._failsafe`."""
    layer, _, rest = name.partition(".")
    return f"{layer.removeprefix('modelspan_') if '_' in layer else 'sdk'}.{rest}".rstrip(".")


def test_packages_use_of_the_layers_below_what_the_table_allows() -> None:
    """Every package between the SDK and the command line is in it: what is inside another layer stays that layer's."""
    every = {short(name) for layer in LAYERS for name in modules(layer)}
    between = {short(name): path.name for layer in LAYERS[1:3] for name, path in modules(layer).items()}
    packages = {name for name, file in between.items() if file == "__init__.py" and name.count(".") == 1}
    assert packages == set(FROM_BELOW)
    allowed = {package: row.split() for package, row in FROM_BELOW.items()}
    assert [name for row in allowed.values() for name in row if name not in every] == []
    offenders = [
        f"{source} imports {target}"
        for source, targets in everywhere().items()
        if (package := room(source)) in allowed
        for target in targets
        if target.partition(".")[0] != package.partition(".")[0]
        and not any(f"{target}.".startswith(f"{name}.") for name in allowed[package])
    ]
    assert offenders == []


def test_circles_are_found() -> None:
    """The guard sees a circle of three, and none in a chain."""
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}) == [{"a", "b", "c"}]
    assert circles({"a": {"b"}, "b": {"c"}, "c": set()}) == []


def functions(path: Path) -> list[tuple[str, int]]:
    """The functions of a file with their lines of code: without decorators, signature and docstring."""
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            body = node.body[1:] if ast.get_docstring(node) and len(node.body) > 1 else node.body
            found.append((node.name, (body[-1].end_lineno or 0) - body[0].lineno + 1))
    return found


def tables_of_the_architecture() -> dict[str, list[list[str]]]:
    """The packages and modules that each row of a layer's table names, layer by layer."""
    page = (ROOT / "docs/architecture.md").read_text().partition("\n## Three walks")[0]
    parts = re.split(r"^\*\*[\w ]+\*\* \(`([\w/]+)/`\)$", page, flags=re.M)
    rows = {
        layer: re.findall(r"^\| (`.+?) \|", text, re.M) for layer, text in zip(parts[1::2], parts[2::2], strict=True)
    }
    return {layer: [re.findall(r"`(.+?)`", row) for row in found] for layer, found in rows.items()}


@pytest.mark.parametrize("layer", LAYERS)
def test_the_page_of_the_architecture_names_every_package_and_nothing_that_is_gone(layer: str) -> None:
    """Whatever stands right under a layer has its place in the layer's table; private modules may share one."""
    named = {name for row in tables_of_the_architecture()[layer] for name in row}
    there = {f"{path.name}/" for path in (ROOT / layer).iterdir() if path.is_dir() and path.name != "__pycache__"}
    files = {path.name for path in (ROOT / layer).glob("*.py")}
    assert named - there - files == set()
    assert (there | {name for name in files if not name.startswith("_")}) - named == set()


@pytest.mark.parametrize("layer", LAYERS)
def test_each_row_of_the_architecture_uses_only_rows_above_it(layer: str) -> None:
    """Who reads the tables from above meets nothing that is explained further down."""
    place = {
        f"{Path(layer).name}.{name.removesuffix('/').removesuffix('.py')}": at
        for at, row in enumerate(tables_of_the_architecture()[layer])
        for name in row
    }
    down = {
        f"{room(name)} uses {room(target)}"
        for name, targets in arrows(layer).items()
        for target in targets
        if place.get(room(name), 1000) < place.get(room(target), -1)
    }
    assert sorted(down) == []


def test_monitors_pass_records_between_measuring_and_verdict() -> None:
    """What was seen and what is said of it are `Seen` and `Judged`: no dictionary is gathered on the way and spread at
    its end, where a key that is misspelt, or set twice, is found by nobody."""
    records = {"result", "judged", "Seen", "Judged", "Rate", "Unmeasured"}
    spread = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in (ROOT / LAYERS[2] / "monitors").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func).rpartition(".")[2] in records
        and any(keyword.arg is None and ast.unparse(keyword.value) != "fields" for keyword in node.keywords)
    ]
    assert spread == []


def test_commands_that_fit_no_model_start_without_the_libraries_that_do() -> None:
    """The analyzer imports them where it fits: all of its monitors stand in one table, which every command reads."""
    heavy = r"sklearn|shap|pandas|threadpoolctl|scipy\.stats|scipy\.optimize"
    at_once = [
        f"{path.relative_to(ROOT)}: {ast.unparse(node)}"
        for path in (ROOT / LAYERS[2]).rglob("*.py")
        for node in ast.parse(path.read_text()).body
        if re.match(rf"(from|import) ({heavy})\b", ast.unparse(node))
    ]
    assert at_once == []


def test_functions_fit_a_screen() -> None:
    """No body of a function is longer than a screen."""
    long = [
        (str(path.relative_to(ROOT)), name, lines)
        for path in SOURCES
        for name, lines in functions(path)
        if lines > MOST_LINES_OF_A_FUNCTION
    ]
    assert long == []


def definitions(path: Path) -> list[str]:
    """What a file defines at its top, and the methods of its classes that nobody else may call: not those of bases."""
    names: list[str] = []
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.append(node.name)
        elif isinstance(node, ast.Assign):
            names += [target.id for target in node.targets if isinstance(target, ast.Name)]
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names.append(node.target.id)
        if isinstance(node, ast.ClassDef):
            plain = [each for each in node.body if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)]
            names += [each.name for each in plain if not each.decorator_list and not node.bases]
    return [name for name in names if not name.startswith("__")]


def test_nothing_is_there_for_tests_alone() -> None:
    """What is defined is used by the product: a definition that only tests use is dead, or belongs to them."""
    words: Counter[str] = Counter()
    for path in [*SOURCES, ROOT / "pyproject.toml"]:  # whose entry points others load
        words.update(re.findall(r"\w+", path.read_text()))
    public = set(modelspan.__all__)
    dead = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in SOURCES
        for name in definitions(path)
        if words[name] == 1 and name not in public and not path.is_relative_to(ROOT / "sdk/modelspan/testing.py")
    ]
    assert dead == []


def test_which_rows_are_of_a_window_is_said_once() -> None:
    """Two conditions for it differed by a key, and one of them read the whole model: `window.py` has the only one."""
    reading = ROOT / "analyzer/modelspan_analyzer/reading"
    for sign in ("toStartOfFiveMinutes(timestamp) <=", "timestamp < {{{end}:DateTime64"):
        assert [path.name for path in reading.rglob("*.py") if sign in path.read_text()] == ["window.py"]
    assert not [path.name for path in reading.rglob("*.py") if "{start:DateTime64" in path.read_text()]
