"""The arguments of a predict function, as one row of features or as a table of rows.

Which argument is the input follows from its type, the first that fits: a mapping, record or vector is a row; a data
frame, Arrow table, matrix, or list of rows is a table. Without such an argument the scalars are the features, by name.
"""

from __future__ import annotations

import array
import functools
import inspect
import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from modelspan._loaded import loaded
from modelspan.capture import arrays, held, values
from modelspan.capture.held import Held
from modelspan.capture.tables import Table, long_vector, table_of

MAX_TEXT = 4096
"""Characters of one row's texts up to which none of them is cut before it is encoded."""


_NOTHING: Mapping[str, str] = {}


class Row(NamedTuple):
    """One row of features: their names and, in the same order, values that cannot change any more."""

    names: tuple[str, ...]
    values: tuple[Any, ...]
    floats: bool = False
    """Whether all values are known to be plain floats."""
    left_out: Mapping[str, str] = _NOTHING
    """Why features are left out, by their names."""


_FLOATS = {float}
Reader = Callable[[Any, "Sequence[str] | None"], "Row | Table | None"]


def row_of(mapping: Mapping[Any, Any]) -> Row:
    """A mapping as a row, copied at the speed of C where all values are plain."""
    known, left_out = type(mapping) is dict, _NOTHING
    mapping = values.bounded(mapping, values.MOST_FEATURES)
    if len(mapping) > values.MOST_FEATURES:
        values.too_many(left_out := {}, len(mapping) - values.MOST_FEATURES if known else None)
        mapping = dict(itertools.islice(mapping.items(), values.MOST_FEATURES))
    columns = tuple(mapping.values())
    kinds = set(map(type, columns))
    if kinds == _FLOATS:
        return Row(tuple(mapping), columns, True, left_out)
    if not kinds <= values.IMMUTABLE:
        flat = values.flatten(mapping, told := dict(left_out))
        return Row(tuple(flat), _bounded(tuple(flat.values())), left_out=told)
    return Row(tuple(mapping), _bounded(columns) if str in kinds else columns, left_out=left_out)


def _bounded(columns: tuple[Any, ...]) -> tuple[Any, ...]:
    """Cut texts of a row that together are long, so that a full buffer has a known size."""
    texts = sum(len(value) for value in columns if type(value) is str)
    if texts <= MAX_TEXT:
        return columns
    return tuple(value[:MAX_TEXT] if type(value) is str else value for value in columns)


def read(value: Any, names: Sequence[str] | None) -> Row | Table | None:
    """Read what an extractor returned, or one argument; None where it is neither a row nor a table."""
    reader = _readers.get(type(value))
    if reader is None:
        reader = _reader_for(value)
        if len(_readers) < 1000:
            _readers[type(value)] = reader
    return reader(value, names)


def _mapping(value: Any, names: Sequence[str] | None) -> Row | Table | None:
    """A row; a mapping of columns (equally long arrays) is a table."""
    known = values.bounded(value, values.MOST_FEATURES)
    return table_of(known, names) or row_of(value)


def _plain_dict(value: Any, names: Sequence[str] | None) -> Row | Table | None:
    row = row_of(value)
    if not row.floats and not _VECTORS.isdisjoint(map(type, row.values)):
        return table_of(value, names) or row
    return row


_VECTORS = {array.array, values.Uncapturable}


def _record(value: Any, _names: Sequence[str] | None) -> Row:
    return row_of(values.fields(value) or {})


def _vector(value: Any, names: Sequence[str] | None) -> Row | Table | None:
    """A table where it holds rows or is a matrix, a row where it holds scalars."""
    table = table_of(value, names)
    if table is not None:
        return table
    shape = arrays.shape_of(value)
    if shape == () or (shape is None and not hasattr(value, "__len__")):
        return None
    length = shape[0] if shape else len(value)
    if length > (arrays.MOST_UNNAMED if names is None else values.MOST_FEATURES):
        return _long_vector(value, shape, length)
    to_dict = getattr(value, "to_dict", None)
    if to_dict is not None and getattr(value, "index", None) is not None:  # a pandas Series knows its names
        named: dict[Any, Any] = to_dict()
        if len(named) < length:
            return _by_name(list(value.index), value.tolist())
        if list(named) != list(range(len(named))):
            return row_of(named)
        value, shape = list(named.values()), None  # or has none
    if shape is not None:
        value = arrays.numpy_of(value)
    scalars = value.tolist() if hasattr(value, "tolist") else list(itertools.islice(value, length))
    if names is not None and len(names) != len(scalars):
        raise values.UnfitError(f"feature_names has {len(names)} names and the row {len(scalars)} values")
    return _by_name(names or [f"f{position}" for position in range(len(scalars))], scalars)


def _by_name(names: Sequence[Any], scalars: Sequence[Any]) -> Row:
    """Values as a row; of those with the same name, the first counts."""
    named: dict[Any, Any] = {}
    twice: dict[str, str] = {}
    for name, value in zip(names, scalars, strict=True):
        if name in named:
            values.say_twice(str(name), twice)
        else:
            named[name] = value
    row = row_of(named)
    return row._replace(left_out={**row.left_out, **twice}) if twice else row


def _long_vector(value: Any, shape: tuple[int, ...] | None, length: int) -> Row:
    """More numbers than are features each."""
    long_vector(length)
    return Row((arrays.VECTOR,), (values.freeze(value if shape is None else arrays.numpy_of(value)),))


def _fields_of_void(value: Any, _names: Sequence[str] | None) -> Row:
    """A row of a structured array."""
    return row_of({name: value[name] for name in value.dtype.names})


def _nothing(_value: Any, _names: Sequence[str] | None) -> None:
    return None


_readers: dict[type, Reader] = {dict: _plain_dict}
_readers.update(dict.fromkeys((bool, int, float, str, bytes, type(None)), _nothing))


def _reader_for(value: Any) -> Reader:
    if isinstance(value, Mapping) and not arrays.is_sparse(value):
        return _mapping
    if values.fields(value) is not None:
        return _record
    numpy = loaded("numpy")
    if numpy is not None and isinstance(value, numpy.generic):
        return _fields_of_void if getattr(value.dtype, "names", None) else _nothing
    if isinstance(value, (list, tuple)) or any(hasattr(value, name) for name in _ARRAYS):
        return _vector
    return _nothing


_ARRAYS = ("__array__", "__dlpack__", "__arrow_c_stream__", "tocsr", "num_row")
"""What an object that holds rows or numbers has one of."""


def texts_as_rows(names: tuple[Any, ...], texts: tuple[Any, ...], result: Any) -> Table | None:
    """A list of texts as a table of them, where there is a result for each; None where it is a row of features.

    Which of the two a list of texts is, only the result tells.
    """
    if len(texts) < 2 or names[0] != "f0" or not hasattr(result, "__len__") or isinstance(result, (str, Mapping)):
        return None
    if len(result) != len(texts) or names[-1] != f"f{len(texts) - 1}" or set(map(type, texts)) != {str}:
        return None
    if isinstance(result, tuple) and len(result) == 2 and not all(isinstance(each, str) for each in result):
        return None  # a label and a score
    return Table(len(texts), sum(map(len, texts)), Held((("text",), [texts]), held.read_lists, held.lists_alike))


class Arguments:
    """Reads the input out of the arguments of one function."""

    def __init__(self, function: Callable[..., Any], feature_names: Sequence[str] | None) -> None:
        self._feature_names = list(feature_names) if feature_names is not None else None
        self._positional, self._defaults = _parameters(function)
        self._takes_rows = _takes_rows(function)
        self._first = 1 if self._positional[:1] in (["self"], ["cls"]) else 0

    def read(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Row | Table | None:
        """The row or table in the arguments of a call."""
        names = self._feature_names
        if self._takes_rows and len(args) > self._first + 1:  # `*rows`: the arguments together are what a list would be
            args = (*args[: self._first], list(args[self._first :]))
        for value in args[self._first :]:
            found = read(value, names)
            if found is not None:
                return found
        for value in kwargs.values():
            found = read(value, names)
            if found is not None:
                return found
        return self._scalars(args, kwargs)

    def _scalars(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Row | None:
        given = dict(zip(self._positional, args, strict=False))
        if self._first and given:
            del given[self._positional[0]]
        row = {**self._defaults, **given, **kwargs}
        return row_of(row) if row else None


def _parameters(function: Callable[..., Any]) -> tuple[list[str], dict[str, Any]]:
    """Names of the parameters that positional arguments fill, and the defaults that are scalars."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # some builtins have none
        return [], {}
    defaults = {each.name: each.default for each in parameters if type(each.default) in values.IMMUTABLE}
    return [each.name for each in parameters if each.kind in _BY_POSITION], _bound(function) | defaults


_BY_POSITION = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


def _bound(function: Callable[..., Any]) -> dict[str, Any]:
    """The scalars that a partial has bound by position: they are given to each call, as those bound by name are."""
    if not isinstance(function, functools.partial):
        return {}
    names = _parameters(function.func)[0]
    return {name: value for name, value in zip(names, function.args, strict=False) if type(value) in values.IMMUTABLE}


def _takes_rows(function: Callable[..., Any]) -> bool:
    """Whether a function takes any number of positional arguments, and none by name before them but `self`."""
    try:
        kinds = [each.kind for each in inspect.signature(function).parameters.values() if each.name not in _OWN]
    except (TypeError, ValueError):
        return False
    return inspect.Parameter.VAR_POSITIONAL in kinds and not set(kinds) & set(_BY_POSITION)


_OWN = ("self", "cls")
