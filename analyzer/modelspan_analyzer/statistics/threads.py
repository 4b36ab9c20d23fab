"""What is fitted on a thread of its own stays on it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from threadpoolctl import ThreadpoolController


@contextmanager
def one_thread() -> Iterator[None]:
    """Within it, or in a function that it decorates, no model fits or predicts on more threads than the calling one.

    The threads of OpenMP and BLAS wait for each other, with the processor taken, at each of some thousand steps of a
    fit: where others have the cores (the collector, another model's window) a fit of a second took minutes, and six
    times the processor.
    """
    with _libraries().limit(limits=1):
        yield


@cache
def _libraries() -> ThreadpoolController:
    """Looking for them takes a tenth of a second."""
    import sklearn  # noqa: F401 - loads those that are looked for
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()
