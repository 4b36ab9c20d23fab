"""Libraries that a value may be of: none is imported for that, and one that another thread imports is not there yet."""

from __future__ import annotations

import sys
from types import ModuleType


def loaded(name: str) -> ModuleType | None:
    """A module that has been imported whole; None while it is being imported, when it lacks most of its names.

    No value is of a library before that: an import in a thread, in the midst of predictions, is no rare thing.
    """
    module = sys.modules.get(name)
    if module is None or getattr(getattr(module, "__spec__", None), "_initializing", False):
        return None
    return module
