"""No text from outside stops a pattern: every one in the tree takes as many steps as its text has characters."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from backtracking import ANYWHERE, growth

ROOT = Path(__file__).resolve().parents[2]
LAYERS = ("sdk/modelspan", "collector/modelspan_collector", "analyzer/modelspan_analyzer", "cli/modelspan_cli")
FUNCTIONS = ANYWHERE | {"match", "fullmatch", "compile"}

CALLS = re.compile(r"\.(?:" + "|".join(sorted(FUNCTIONS)) + r")\b|\bfrom re import\b")
"""What a module says that uses a pattern; to look through the trees of all others takes ten seconds of each worker."""

FLAGS_AT = {"compile": 1, "match": 2, "fullmatch": 2, "search": 2, "findall": 2, "finditer": 2, "split": 3, "sub": 4}
"""Which argument the flags are, by function."""

GIVEN_BY_THE_OPERATOR = {
    ("modelspan_collector.access.rules", "mask"): "`--mask REGEX` is whoever's who starts the collector",
}
"""Patterns that are not in the code, and whose they are."""

READS_OUR_OWN = {
    "modelspan_collector.store.cluster": "the DDL of this package",
    "modelspan_collector.store.schema": "the DDL of this package",
    "modelspan_collector.store.segments": "the DDL of this package",
    "modelspan_collector.store.retention": "the engine's own words for a table of this package",
    "modelspan_analyzer.documents.html": "the style sheets of this package",
    "modelspan_analyzer.reports.paper": "the style sheets of this package",
}
"""Modules whose patterns read nothing from outside."""


@dataclass(frozen=True)
class Pattern:
    """One pattern of the tree, and one way in which it is used."""

    module: str
    line: int
    text: str | bytes
    flags: int
    use: str

    def __str__(self) -> str:
        return f"{self.module}:{self.line}:{self.use}"


@cache
def trees() -> dict[str, ast.Module]:
    """Every module that uses a pattern, parsed."""
    found = {}
    for layer in LAYERS:
        for path in sorted((ROOT / layer).rglob("*.py")):
            name = ".".join(path.relative_to((ROOT / layer).parent).with_suffix("").parts)
            text = path.read_text()
            if CALLS.search(text):
                found[name.removesuffix(".__init__")] = ast.parse(text)
    return found


@cache
def uses() -> dict[tuple[str, str], set[str]]:
    """By module and name of a compiled pattern, the functions of it that are called; '' for any module."""
    found: dict[tuple[str, str], set[str]] = {}
    for module, tree in trees().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and node.attr in FUNCTIONS:
                of = node.value
                while isinstance(of, ast.Subscript):
                    of = of.value
                if isinstance(of, ast.Name):
                    found.setdefault((module, of.id), set()).add(node.attr)
                elif isinstance(of, ast.Attribute):
                    found.setdefault(("", of.attr), set()).add(node.attr)
    return found


def calls(tree: ast.Module) -> Iterator[tuple[ast.Call, str, str]]:
    """Calls of `re`'s functions, with the name to which a compiled pattern is given."""
    names: dict[ast.AST, str] = {}
    if not any(isinstance(node, (ast.Import, ast.ImportFrom)) and _of_re(node) for node in ast.walk(tree)):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == "re":
            assert not {alias.name for alias in node.names} & FUNCTIONS, "a pattern is found by its `re.`: import re"
        if isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value is not None:
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            for inner in ast.walk(node.value):
                names[inner] = target.id if isinstance(target, ast.Name) else ""
    for node in ast.walk(tree):
        function = node.func if isinstance(node, ast.Call) else None
        if isinstance(function, ast.Attribute) and function.attr in FUNCTIONS and _is_re(function.value):
            assert isinstance(node, ast.Call)
            yield node, function.attr, names.get(node, "")


def _of_re(node: ast.Import | ast.ImportFrom) -> bool:
    """Whether a module that is imported is `re`."""
    return node.module == "re" if isinstance(node, ast.ImportFrom) else "re" in {alias.name for alias in node.names}


def _is_re(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id == "re"


def texts(module: str, tree: ast.Module, call: ast.Call) -> list[str | bytes]:
    """What the pattern of a call is: a constant, or an expression of the module's own constants."""
    argument = call.args[0]
    if isinstance(argument, ast.Name) and (module, argument.id) in GIVEN_BY_THE_OPERATOR:
        return []
    scope = vars(importlib.import_module(module))
    unknown = {name.id for name in ast.walk(argument) if isinstance(name, ast.Name) and name.id not in scope}
    for loop in (node for node in ast.walk(tree) if isinstance(node, ast.DictComp) and unknown):
        if call is loop.value:
            return [each.pattern for each in _evaluated(loop, scope).values()]
    assert not unknown or module in READS_OUR_OWN, (
        f"{module}:{call.lineno}: the pattern is made of {sorted(unknown)}, which only running can tell: "
        "write it as a constant, or say here whose it is"
    )
    return [_evaluated(argument, {**scope, **dict.fromkeys(unknown, "name")})]


def _evaluated(node: ast.expr, scope: dict[str, Any]) -> Any:
    return eval(compile(ast.Expression(node), "a pattern", "eval"), scope)


@cache
def patterns() -> tuple[Pattern, ...]:
    """Every pattern that is compiled or used in the tree, in each way in which it is used."""
    found = []
    for module, tree in trees().items():
        for call, function, name in calls(tree):
            given = [keyword.value for keyword in call.keywords if keyword.arg == "flags"]
            given += call.args[FLAGS_AT.get(function, 5) :]
            flags = sum(int(_evaluated(flag, {"re": re})) for flag in given)
            called = uses().get((module, name), set()) | uses().get(("", name), set()) or {"search"}
            ways = called if function == "compile" else {function}
            for text in texts(module, tree, call):
                found += [Pattern(module, call.lineno, text, flags, way) for way in sorted(ways)]
    return tuple(found)


@pytest.mark.parametrize("pattern", [each for each in patterns() if each.module not in READS_OUR_OWN], ids=str)
def test_a_pattern_takes_steps_as_its_text_has_characters(pattern: Pattern) -> None:
    """Twice the text, twice the steps: where that is not so, scan with `find`, or bound the text and the pattern."""
    assert growth(pattern.text, pattern.flags, pattern.use) == "linear"


@pytest.mark.parametrize("pattern", [each for each in patterns() if each.module in READS_OUR_OWN], ids=str)
def test_a_pattern_on_our_own_text_does_not_explode(pattern: Pattern) -> None:
    """What reads only what this package wrote may look twice, and not exponentially often."""
    assert growth(pattern.text, pattern.flags, pattern.use) != "exponential"


def test_the_guard_sees_the_tree() -> None:
    """It finds the patterns that there are, and its exceptions are about modules that there are."""
    assert len(patterns()) > 40
    assert READS_OUR_OWN.keys() <= {pattern.module for pattern in patterns()}
    assert {module for module, _ in GIVEN_BY_THE_OPERATOR} <= trees().keys()


EXPONENTIAL = [
    (r"(a+)+b", 0, "match"),
    (r"(a|aa)+$", 0, "match"),
    (r"(a*)*b", 0, "match"),
    (r"(a?a?)*b", 0, "match"),
    (r"(?:a|b|ab)*c", 0, "match"),
    (r"(\w+\s?)*$", 0, "match"),
    (r"^(([a-z])+.)+[A-Z]([a-z])+$", 0, "match"),
    (r"([a-z]+|[0-9A-F]+)*!", re.IGNORECASE, "match"),
    (rb"\s*(?:--[^\n]*\n\s*|/\*.*?\*/\s*)*(INSERT|WITH)\b", re.DOTALL, "match"),
]
POLYNOMIAL = [
    (r"a*a*b", 0, "match"),
    (r"a*b?a*$", 0, "match"),
    (r"\w+\d+!", 0, "match"),
    (r"(.*a){9}b", 0, "match"),
    (r"\s+$", 0, "search"),
    (r"/\*.*?\*/", re.DOTALL, "finditer"),
    (r"(\w+) = x", 0, "finditer"),
    (r"<[^>]*>", 0, "sub"),
    (rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL, "sub"),
]
LINEAR = [
    (r"\w+", 0, "finditer"),
    (r"\s+$", 0, "match"),
    (r"[a-z]+ = \d+", 0, "match"),
    (r"(a+b)+c", 0, "match"),
    (r"(?:ab)*c", 0, "match"),
    (r":\d{1,5}$", 0, "search"),
    (r"\{(\w+):Identifier\}", 0, "findall"),
    (r"'[^'\\]*(?:\\.[^'\\]*)*'?", re.DOTALL, "finditer"),
    (r"(?:'[^']*'|[^'])*x", 0, "fullmatch"),
    (r"(?i:[A-F]+)[g-z]+", 0, "match"),
]


@pytest.mark.parametrize(
    ("text", "flags", "use", "expected"),
    [
        (*each, name)
        for name, group in (("exponential", EXPONENTIAL), ("polynomial", POLYNOMIAL), ("linear", LINEAR))
        for each in group
    ],
)
def test_the_guard_tells_good_patterns_from_bad(text: Any, flags: int, use: str, expected: str) -> None:
    """The known bad ones are found, and the known good ones are not."""
    assert growth(text, flags, use) == expected
