"""Arrays of any library: what has a shape is read as NumPy's, one row for each of its first dimension.

PyTorch, JAX, TensorFlow, CuPy and MXNet say what they are through `shape` and `__array__` or `__dlpack__`; sparse
matrices and structured arrays have a shape, too. What is too large to be walked is bounded before anything is copied.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from modelspan._failsafe import attempt, swallowed
from modelspan._loaded import loaded

MOST_UNNAMED = 1_000
"""Numbers of a vector, or columns of a matrix, that are features by their position; more are one embedding."""
MOST_DIMENSIONS = 65_536
"""Numbers of an embedding; one that is longer is left out."""
MOST_CELLS = 50_000_000
"""Cells of a sparse matrix that are spread out."""
VECTOR = "vector"
"""Name of the embedding that a long vector without names becomes."""


def shape_of(value: Any) -> tuple[int, ...] | None:
    """The shape of an array of any library; None for all else, frames and Series among it."""
    kind = type(value)  # frames and Series are slow to say what they do not have
    if hasattr(kind, "columns") or hasattr(kind, "index") or hasattr(kind, "to_arrow"):
        return None
    if not hasattr(kind, "__array__") and not hasattr(kind, "__dlpack__") and not is_sparse(value):
        return None
    shape = getattr(value, "shape", None)
    if shape is None:
        return None
    return tuple(int(length) for length in shape)


def is_sparse(value: Any) -> bool:
    """Whether it is a sparse matrix or array of SciPy, or of a library that follows it."""
    return hasattr(type(value), "tocsr")


def numpy_of(value: Any) -> Any:
    """The array of another library as NumPy's, which may share its memory.

    Raises:
        Exception: The library cannot tell.
    """
    numpy = loaded("numpy")
    if numpy is not None and isinstance(value, numpy.ndarray):
        return numpy.asarray(value) if isinstance(value, numpy.matrix) else value  # a matrix stays one when it is cut
    import numpy as np

    if is_sparse(value):
        return np.asarray(value.toarray())
    for way in _WAYS:
        with attempt():
            found = way(np, value)
            if found.dtype != object or found.ndim > 0:
                return found
    raise TypeError(f"{type(value).__name__} cannot be read as an array")


def _plain(np: Any, value: Any) -> Any:
    return np.asarray(value)


def _detached(np: Any, value: Any) -> Any:
    """PyTorch's tensors that have a gradient, or are on a device."""
    return np.asarray(value.detach().cpu())


def _as_floats(np: Any, value: Any) -> Any:
    """PyTorch's types that NumPy lacks, such as bfloat16."""
    return np.asarray(value.detach().float().cpu())


def _of_memory(np: Any, value: Any) -> Any:
    return np.from_dlpack(value)


_WAYS: tuple[Callable[[Any, Any], Any], ...] = (_plain, _detached, _as_floats, _of_memory)


def too_large(shape: tuple[int, ...], what: str) -> bool:
    """Whether each row holds more numbers than an embedding may; then it is said once."""
    numbers = 1
    for length in shape[1:]:
        numbers *= length
    if numbers <= MOST_DIMENSIONS:
        return False
    swallowed(f"rows of {what} hold more than {MOST_DIMENSIONS:,} numbers, and are recorded without them")
    return True
