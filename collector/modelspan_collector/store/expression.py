"""SQL expressions that people write over a prediction's columns: only what is safe to put into a query passes.

Numbers, texts, operators and a list of plain functions pass, so that an expression cannot be a statement, a comment or
a call that reaches outside the rows. Columns are those of a prediction. Any other name is a feature, else a tag, of
that name, so that one writes `amount > 1000 AND country IN ('DE', 'FR')`; `feature.amount`, `tag.country` and
`` `net amount` `` say more exactly what is meant. What it is compared with, or the function that it is given to, says
whether a name is read as a number or as a text, and so do `label` and `truth`, which are texts. A row without it has
NULL there. What is no number is NULL as one, and fails nothing.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from modelspan_collector.store.quote import quote_string

MAPS: Final = ("scores", "tags", "numeric_features", "categorical_features")
ROW_COLUMNS: Final = ("value", "label", *MAPS)
"""What every table of predictions has."""
FUNCTIONS: Final = (
    "if", "multiIf", "abs", "least", "greatest", "round", "floor", "ceil", "exp", "log", "log1p", "sqrt", "pow", "sign",
    "coalesce", "ifNull", "isNull", "isNotNull", "toFloat64", "toFloat64OrZero", "toString", "mapContains", "lower",
    "upper", "length", "startsWith", "endsWith", "has", "empty", "notEmpty", "arraySum", "arrayAvg", "arrayMin",
    "arrayMax",
)  # fmt: skip
KEYWORDS: Final = (
    "in", "not", "and", "or", "is", "null", "between", "like", "true", "false", "case", "when", "then", "else", "end",
)  # fmt: skip
AGGREGATES: Final = (
    "count", "sum", "avg", "min", "max", "median", "quantile", "uniqExact", "stddevSamp", "stddevPop", "varSamp",
    "varPop", "corr", "covarSamp", "countIf", "sumIf", "avgIf", "minIf", "maxIf", "medianIf", "quantileIf",
    "uniqExactIf",
)  # fmt: skip
_OF_RANKS: Final = ("median", "medianIf", "quantile", "quantileIf", "min", "minIf", "max", "maxIf")
_OF_TEXTS: Final = ("lower", "upper", "length", "startswith", "endswith", "count", "uniqexact", "isnull", "isnotnull")
"""Functions, in lower case, whose first argument is taken as text."""
_OF_STATEMENTS: Final = (
    "select",
    "from",
    "where",
    "with",
    "union",
    "join",
    "group",
    "order",
    "limit",
    "settings",
    "format",
)
"""Words of a query, in lower case: a feature of such a name is written feature.NAME."""
PARTS: Final = ("items", "outputs")
"""Columns of answers of several parts: a feature of such a name is written feature.NAME."""
OUTPUT: Final = "output"
"""The function that gives a number of an answer by its name."""
OUTCOME: Final = "outcome"
"""The function that gives an outcome of a prediction by its name."""
OUTCOMES_COLUMN: Final = "outcomes_"
"""Column of what became known of a prediction: (outcome, tenant, number, class), a tenant's own first."""
TRUTH: Final = "truth"
TRUTHS: Final = (TRUTH, "true_value")
"""Columns of what was true, where rows are labelled; of many rows each is NULL until a label is in."""
_CLASSES: Final = ("label", "truth")
"""Columns of texts that are read as numbers where they are compared with one."""
_CAST: Final = "toFloat64"
"""Of a text that is no number it is NULL here, where the engine's own would end the query."""
_COMPARING: Final = ("=", "==", "!=", "<>", "<", "<=", ">", ">=", "in", "like", "between")
_TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:[^'\\]|\\.|'')*')|(?P<number>[0-9]+(?:\.[0-9]*)?(?:[eE][-+]?[0-9]+)?)"
    r"|(?P<name>(?:(?:tag|feature)\.)?(?:`[^`\\]+`|[A-Za-z_]\w*))"
    r"|(?P<sign><=|>=|!=|<>|==|(?!--|/\*)[-+*/%(),<>=\[\]]))"
)
_UNSAFE = re.compile(r"\\.|[{}%]", re.DOTALL)
"""Signs that a query's parameters are written with, and what has an escape before it."""


class ExpressionError(ValueError):
    """An expression cannot be used; the message says why, and what may be written."""


@dataclass(frozen=True, slots=True)
class Compiled:
    """An expression as the engine takes it."""

    sql: str
    names: tuple[str, ...]
    """Features and tags that it reads, each once, in their order."""
    aggregates: bool
    """Whether it has one value for many rows."""
    truths: bool = False
    """Whether it reads what was true."""
    outcomes: tuple[str, ...] = ()
    """Outcomes that it reads by `outcome('…')`, each once, as it writes them, in quotation marks; rows need the column
    `OUTCOMES_COLUMN` then."""
    ranks: bool = False
    """Whether it takes one of many values by its rank, as a median does."""


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str

    @property
    def word(self) -> str:
        """In lower case; '' of a literal."""
        return self.text.lower() if self.kind in ("name", "sign") else ""


def compiled(
    expression: str,
    *,
    columns: Collection[str] = ROW_COLUMNS,
    aggregates: bool = False,
    features: bool = True,
    outcomes: bool = False,
    apart: Collection[str] = (),
    rows: str = "",
    what: str = "an expression",
) -> Compiled:
    """Check an expression, and put what holds features and tags in the place of their names.

    Args:
        expression: as somebody wrote it.
        columns: columns that the rows have.
        aggregates: whether it is of many rows, with functions such as `sum`.
        features: whether other names are features and tags; they are refused otherwise.
        outcomes: whether `outcome('revenue')` is allowed.
        apart: names of other expressions' columns, which mean a feature only where they say so: `feature.truth`.
        rows: the alias of the rows' table with its point, where it has one.
        what: what messages call it.

    Raises:
        ExpressionError: it holds something else, or is not complete.
    """
    functions = {name.lower(): name for name in (*FUNCTIONS, *(AGGREGATES if aggregates else ()))}
    allowed = _allowed(columns, functions, features)
    tokens = _tokens(expression, what, allowed)
    tokens, read = _with_called(tokens, OUTCOME) if outcomes else (tokens, [])
    tokens = _with_called(tokens, OUTPUT)[0] if PARTS[1] in columns else tokens
    pieces, names, called_by, endings = [], [], set[str](), _endings(tokens)
    for at, token in enumerate(tokens):
        if token.kind == OUTCOME:
            pieces.append(outcome_of(token.text, rows, text=_as_text(tokens, at)))
        elif token.kind == OUTPUT:
            pieces.append(_output_of(token.text, rows))
        elif token.kind != "name":
            pieces.append(_literal(token.text) if token.kind == "text" else endings.get(at, token.text))
        if token.kind != "name":
            continue
        called = at + 1 < len(tokens) and tokens[at + 1].text == "("
        if called and token.word in functions:
            name = functions[token.word]
            pieces.append("accurateCastOrNull" if name == _CAST else name)
            called_by.add(name)
        elif token.word in KEYWORDS:
            pieces.append(token.word.upper())
        elif token.text in columns:
            sql = _known(rows, tokens, at) if aggregates and token.text == TRUTH else rows + token.text
            pieces.append(_column(sql, token.text, _beside(tokens, at)))
            names += _key_of(tokens, at)
        elif why := _of_others(token.text, apart, what):
            raise ExpressionError(why)
        elif features and not called and token.word not in _OF_STATEMENTS:
            kind, name = _named(token.text)
            pieces.append(_read(kind, name, rows, text=_as_text(tokens, at)))
            names.append(name)
        elif called and outcomes and token.word == OUTCOME:
            raise ExpressionError(f"{what} names an outcome in quotation marks: outcome('revenue')")
        else:
            raise ExpressionError(f"{what} cannot use {token.text!r}; {allowed}")
    truths = any(token.kind == "name" and token.text in columns and token.text in TRUTHS for token in tokens)
    summed, ranks = bool(called_by & set(AGGREGATES)), bool(called_by & set(_OF_RANKS))
    return Compiled(" ".join(pieces), tuple(dict.fromkeys(names)), summed, truths, tuple(dict.fromkeys(read)), ranks)


_OF_PARTS: Final = (
    "{what} cannot read {name!r}, which answers of several parts have: metrics and SELECTs can; a feature or tag of "
    "that name is feature.{name} or tag.{name}"
)


def _output_of(name: str, rows: str) -> str:
    """SQL: the first number of an answer by its name, a text literal; NULL where it has none."""
    numbers = f"{rows}{PARTS[1]}[{_literal(name)}]"
    return f"if(empty({numbers}), NULL, {numbers}[1])"


def _of_others(name: str, apart: Collection[str], what: str) -> str:
    """Why a name cannot be taken for a feature's, as other expressions have a column of it; '' where it can."""
    if name in PARTS:
        return _OF_PARTS.format(what=what, name=name)
    return f"{what} is of what is known at once: write feature.{name} if a feature is meant" if name in apart else ""


def _endings(tokens: Sequence[_Token]) -> dict[int, str]:
    """Where a bracket that `toFloat64` opened is closed, and as what."""
    found: dict[int, str] = {}
    casts: list[bool] = []
    for at, token in enumerate(tokens):
        if token.text == "(":
            casts.append(at > 0 and tokens[at - 1].word == _CAST.lower())
        elif token.text == ")" and casts.pop():
            found[at] = ", 'Float64')"
    return found


def _column(sql: str, name: str, beside: str) -> str:
    """A column as it is read beside a number or a text: a class that is a number is that number."""
    return f"toFloat64OrNull({sql})" if name in _CLASSES and beside == "number" else sql


def _known(rows: str, tokens: Sequence[_Token], at: int) -> str:
    """The class that was true, NULL until a label is in: an unlabelled row is neither right nor wrong.

    Raises:
        ExpressionError: it is asked whether it is '', which it is never.
    """
    around = [token.text for token in (*tokens[max(0, at - 2) : at], *tokens[at + 1 : at + 3])]
    if "''" in around and ("=" in around or "==" in around):
        raise ExpressionError("truth is NULL until a label is in, not '': write isNull(truth)")
    return f"nullIf({rows}{TRUTH}, '')"


def _with_called(tokens: Sequence[_Token], function: str) -> tuple[list[_Token], list[str]]:
    """The tokens with each call such as `outcome('revenue')` as one of them, and their names, as they are written."""
    found: list[_Token] = []
    names: list[str] = []
    at = 0
    while at < len(tokens):
        bracket, name, end = [*tokens[at + 1 : at + 4], *[_Token("", "")] * 3][:3]
        if tokens[at].word == function and (bracket.text, name.kind, end.text) == ("(", "text", ")"):
            found.append(_Token(function, name.text))
            names.append(name.text)
            at += 4
        else:
            found.append(tokens[at])
            at += 1
    return found, names


def outcome_of(name: str, rows: str = "", *, text: bool = False) -> str:
    """SQL: an outcome of a row by its name, a text literal; NULL where nothing is known, and of a class as a number."""
    told = (
        f"arrayFirst(one -> one.1 = {_literal(name)} AND one.2 IN ('', {rows}tags['tenant']), {rows}{OUTCOMES_COLUMN})"
    )
    if text:
        return f"nullIf(if({told}.4 != '', {told}.4, ifNull(toString({told}.3), '')), '')"
    return f"coalesce({told}.3, toFloat64OrNull({told}.4))"


def _allowed(columns: Collection[str], functions: Mapping[str, str], features: bool) -> str:
    more = ", features and tags by name" if features else ""
    return (
        f"write numbers, texts, operators, the columns {', '.join(columns)}{more} and the functions "
        f"{', '.join(functions.values())}"
    )


def _tokens(expression: str, what: str, allowed: str) -> list[_Token]:
    at, depth, tokens = 0, 0, []
    end = len(expression.rstrip())
    while at < end:
        found = _TOKEN.match(expression, at)
        if found is None:
            raise ExpressionError(f"cannot use {expression[at:].strip()[:20]!r} in {what}; {allowed}")
        token = _Token(str(found.lastgroup), found.group().strip())
        depth += {"(": 1, ")": -1}.get(token.text, 0)
        if depth < 0:
            raise ExpressionError(f"{what} closes a bracket that it did not open: {expression!r}")
        tokens.append(token)
        at = found.end()
    if depth or not tokens:
        raise ExpressionError(f"{what} is not complete: {expression!r}; {allowed}")
    return tokens


def _literal(text: str) -> str:
    """A text without the signs by which a query's parameters are found."""

    def safe(found: re.Match[str]) -> str:
        sign = found.group()[-1]
        return f"\\x{ord(sign):02x}" if sign in "{}%" else found.group()

    return _UNSAFE.sub(safe, text)


def literal(text: str) -> str:
    """Any text as an SQL literal that can stand in a query with parameters."""
    return _literal(quote_string(text))


def _named(text: str) -> tuple[str, str]:
    """`tag`, `feature` or '' for either, and the name."""
    kind, point, name = text.partition(".")
    if not point or kind not in ("tag", "feature"):
        kind, name = "", text
    return kind, name.strip("`")


def _key_of(tokens: Sequence[_Token], at: int) -> list[str]:
    """The name in `numeric_features['age']` or `mapContains(tags, 'country')`."""
    after = tokens[at + 1 : at + 3]
    known = len(after) == 2 and after[0].text in ("[", ",") and after[1].kind == "text"
    return [after[1].text[1:-1].replace("''", "'")] if known and tokens[at].text in MAPS[1:] else []


def _as_text(tokens: Sequence[_Token], at: int) -> bool:
    """Whether a name is read as text: by what it is compared with, else by the function that it is given to."""
    words = [token.word for token in tokens[max(0, at - 2) : at + 3]]
    here = min(at, 2)
    after = here + 1 + (words[here + 1 : here + 2] == ["not"])
    if words[after : after + 1] == ["is"]:
        return True
    if beside := _beside(tokens, at):
        return beside == "text"
    return at >= 2 and words[here - 1] == "(" and words[here - 2] in _OF_TEXTS


def _beside(tokens: Sequence[_Token], at: int) -> str:
    """The kind of what a name is compared with: `number`, `text`, `name` …; '' where it is compared with nothing."""
    words = [token.word for token in tokens]
    after = at + 1 + (words[at + 1 : at + 2] == ["not"])
    if after < len(tokens) and words[after] in _COMPARING:
        other = after + 1
        while other < len(tokens) and words[other] in ("(", "-", "+"):
            other += 1
        return tokens[other].kind if other < len(tokens) else "nothing"
    return tokens[at - 2].kind if at >= 2 and words[at - 1] in _COMPARING else ""


def _read(kind: str, name: str, rows: str, *, text: bool) -> str:
    """SQL of a feature or tag in a row; NULL where the row has none."""
    key = literal(name)
    numeric, categorical, tags = (f"{rows}{column}" for column in ("numeric_features", "categorical_features", "tags"))
    if text:
        of_features = f"mapContains({categorical}, {key}), {categorical}[{key}], "
        of_features += f"mapContains({numeric}, {key}), toString({numeric}[{key}]), "
        of_tags = f"mapContains({tags}, {key}), {tags}[{key}], "
    else:
        of_features = f"mapContains({numeric}, {key}), {numeric}[{key}], "
        of_tags = f"mapContains({tags}, {key}), toFloat64OrNull({tags}[{key}]), "
    parts = {"feature": of_features, "tag": of_tags, "": of_features + of_tags}
    return f"multiIf({parts[kind]}NULL)"
