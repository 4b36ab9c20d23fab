"""Every example in a docstring of the statistics says what comes out."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import modelspan_analyzer.statistics

PACKAGE = modelspan_analyzer.statistics
MODULES = [found.name for found in pkgutil.walk_packages(PACKAGE.__path__, f"{PACKAGE.__name__}.")]


@pytest.mark.parametrize("name", MODULES)
def test_examples_of_docstrings_hold(name: str) -> None:
    """The examples of one module."""
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_there_are_examples() -> None:
    """The measures show how they are called."""
    attempted = sum(doctest.testmod(importlib.import_module(name)).attempted for name in MODULES)
    assert attempted >= 10
