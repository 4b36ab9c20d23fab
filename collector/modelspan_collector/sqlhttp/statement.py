"""Vets one SQL statement before the engine sees it.

The engine's own formatter (`formatQuery`) turns the text into its canonical form: one statement, no comments, plain
literals, clauses on lines of their own. That canonical text is vetted *and* executed, so there is no second reading of
the SQL that could differ from the first. `readonly = 1` is the engine's own lock underneath; what this file refuses is
what that lock lets through (tried on ClickHouse 26.9): `INTO OUTFILE`, the function `file()`, `DESCRIBE` of a table
function, SYSTEM and KILL.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from modelspan_collector.sqlhttp import allowed, clauses, errors

READING = frozenset({"SELECT", "WITH", "SHOW", "DESCRIBE", "DESC", "EXPLAIN", "EXISTS"})
WRITING = frozenset(
    {"INSERT", "CREATE", "ALTER", "DROP", "TRUNCATE", "RENAME", "EXCHANGE", "OPTIMIZE", "DELETE", "UPDATE"}
)

TABLE_FUNCTIONS = (
    "format", "generate_series", "generateRandom", "generateSeries", "null", "numbers", "numbers_mt",
    "primes", "SQLStandardValues", "values", "view", "viewExplain", "zeros", "zeros_mt",
)  # fmt: skip
"""Table functions that stay inside the database; every other one that the engine has is refused."""

OUTWARD_FUNCTIONS = ("file", "catboostEvaluate", "hasColumnInTable", "reverseDNSQuery", "showCertificate")
"""Ordinary functions that read files or reach the network, beside all of the engine's categories below."""

OUTWARD_CATEGORIES = ("AI", "Introspection")

_OBJECTS = {
    "CREATE": re.compile(r"CREATE (OR REPLACE )?((TEMPORARY )?TABLE|VIEW|MATERIALIZED VIEW|DATABASE)\b"),
    "ALTER": re.compile(r"ALTER TABLE\b"),
    "DROP": re.compile(r"DROP ((TEMPORARY )?TABLE|VIEW|DATABASE)\b"),
    "RENAME": re.compile(r"RENAME TABLE\b"),
}
"""What a writer may make and change: no users, dictionaries, functions or named collections."""
_INTERNAL_TABLES = frozenset({"stack_trace", "jemalloc_profile_text", "named_collections", "zookeeper"})
_ENGINES = re.compile(
    r"(Replicated)?(Replacing|Summing|Aggregating|Collapsing|VersionedCollapsing|Coalescing)?MergeTree|Null|Memory|Log"
    r"|TinyLog|StripeLog|Join|Set|Atomic"
)

_TOKEN = re.compile(
    r"""'[^'\\]*(?:(?:\\.|'')[^'\\]*)*'?            # string literal
      | `(?P<quoted>[^`\\]*(?:\\.[^`\\]*)*)`?       # quoted identifier
      | (?P<word>[A-Za-z_]\w*)
      | \d[\w.]*
      | \S""",
    re.VERBOSE | re.DOTALL,
)
DATABASE_ENGINES = ("Atomic", "Memory", "Ordinary", "Replicated")
"""Engines of databases that hold tables; every other one reaches elsewhere."""

_IDENTIFIER_PARAMETER = re.compile(r"\{(\w+):Identifier\}")


@dataclass(frozen=True, slots=True)
class Forbidden:
    """Names, in lower case, that reach files, the network or the process behind the database."""

    table_functions: frozenset[str]
    """Refused where they are called."""
    functions: frozenset[str]
    """Refused wherever the name stands: a function can be passed by name (`arrayMap(file, ...)`, `APPLY file`)."""
    formats: frozenset[str] = frozenset()
    """Formats in which no rows may be read."""
    databases: frozenset[str] = frozenset()
    """Databases, by exact name, that show the machine's files as tables, as the embedded engine's `default` does."""

    def check_identifier(self, name: str) -> None:
        """Refuse a name, in the statement or bound to an Identifier parameter.

        Raises:
            ClickHouseError: it is one of the functions, or a table that shows the process.
        """
        lower = name.strip('`"').lower()
        if lower in self.functions or lower in _INTERNAL_TABLES:
            raise _outward(name)

    def check_database(self, name: str) -> None:
        """Refuse a database, before a dot in the statement or bound to an Identifier parameter.

        Raises:
            ClickHouseError: its tables are files.
        """
        if name.strip('`"') in self.databases:
            raise errors.readonly(f"the database {name[:100]} shows files of the machine, and is not served")


@dataclass(frozen=True, slots=True)
class Statement:
    """One vetted statement in its canonical form."""

    verb: str
    """SELECT, WITH, SHOW, SET, USE, INSERT, ..."""
    body: str
    """The statement without its FORMAT, and for reading ones without its trailing SETTINGS."""
    format: str | None
    """What FORMAT asked for."""
    settings: dict[str, str]
    """What trailing SETTINGS, or SET, asked for."""

    @property
    def returns_rows(self) -> bool:
        """True where there is a result to format and stream."""
        return self.verb in READING

    @property
    def makes_temporary(self) -> bool:
        """True where it leaves a table that lasts as long as its connection."""
        return self.verb == "CREATE" and " TEMPORARY TABLE " in self.body.split("\n", 1)[0]

    @property
    def takes_data(self) -> bool:
        """True for an INSERT whose rows follow in the request's body."""
        words = (token["word"] for token in _TOKEN.finditer(self.body))
        return self.verb == "INSERT" and self.format is not None and "SELECT" not in words

    @property
    def called(self) -> frozenset[str]:
        """Names, in lower case, that stand anywhere outside of texts: a function can be passed by its name."""
        named = ((token["word"] or token["quoted"] or "").lower() for token in _TOKEN.finditer(self.body))
        return frozenset(named) - {""}

    @property
    def identifier_parameters(self) -> list[str]:
        """Names of the bound parameters that stand for identifiers."""
        return _IDENTIFIER_PARAMETER.findall(self.body)


def vet(canonical: str, forbidden: Forbidden, *, writable: bool) -> Statement:
    """Split the canonical text of one statement and refuse what may not run.

    Raises:
        ClickHouseError: the statement writes on a read-only endpoint, or reaches files, the network or the process.
    """
    lines = canonical.rstrip().split("\n")
    if any(line.lstrip().startswith("INTO OUTFILE") for line in lines):
        raise errors.readonly("INTO OUTFILE would write a file of the server: read the response instead")
    if "PARALLEL WITH" in (line.strip() for line in lines):
        raise errors.readonly("PARALLEL WITH is not offered here: send the statements one by one")
    verb = canonical.lstrip("( \n").split(maxsplit=1)[0].upper()
    _check_verb(verb, writable)
    if verb in _OBJECTS and not _OBJECTS[verb].match(canonical):
        raise errors.readonly(f"{verb} is offered for tables, views and databases only")
    format_name, settings = None, {}
    if verb == "SET":
        settings = clauses.parse(canonical.strip()[len("SET ") :])
    while len(lines) > 1 and lines[-1].startswith(("FORMAT ", "SETTINGS ")):
        if lines[-1].startswith("FORMAT "):
            format_name = lines.pop()[len("FORMAT ") :].strip(" `")  # Null comes quoted
        elif verb in READING or verb == "INSERT":
            settings.update(clauses.parse(lines.pop()[len("SETTINGS ") :]))
        else:
            break
    if format_name is None and verb not in READING:
        lines[-1], format_name = _inline_format(lines[-1])
    vetted = Statement(verb, "\n".join(lines), format_name, settings)
    _check_names(vetted, forbidden)
    return vetted


def _check_verb(verb: str, writable: bool) -> None:
    if verb in READING or verb in ("SET", "USE"):
        return
    if verb in WRITING and writable:
        return
    if verb in WRITING:
        raise errors.readonly(f"{verb} is not allowed: this endpoint is read-only")
    raise errors.readonly(f"{verb} is not offered here: it concerns the server, not the data")


def _inline_format(line: str) -> tuple[str, str | None]:
    """`INSERT INTO t (a) FORMAT TSV` keeps its FORMAT on the line."""
    head, found, tail = line.rpartition(" FORMAT ")
    return (head, tail.strip()) if found and re.fullmatch(r"\w+", tail.strip()) else (line, None)


def _check_names(statement: Statement, forbidden: Forbidden) -> None:
    tokens = list(_TOKEN.finditer(statement.body))
    texts = [token[0] for token in tokens]
    clauses.check_inner(texts, reading=statement.verb in READING)
    following = [*texts[1:], "", ""]
    previous = ""
    for token, after, second in zip(tokens, following, following[1:], strict=False):
        name = token["word"] or token["quoted"]
        if name:
            forbidden.check_identifier(name)
            if after == "." or previous == "DATABASE":
                forbidden.check_database(name)
            if after == "(":
                _check_called(name, second, forbidden)
            if name.upper() in ("INFILE", "OUTFILE") and previous in ("FROM", "INTO"):
                raise errors.readonly(f"{name} would reach a file of the server: use the request's and answer's body")
            if statement.verb not in READING:
                _check_written(name, previous)
        previous = "ENGINE =" if token[0] == "=" and previous.upper() == "ENGINE" else token[0]


def _check_called(name: str, argument: str, forbidden: Forbidden) -> None:
    if name.lower() in forbidden.table_functions:
        raise _outward(name)
    format_name = argument.strip("'`")
    if name.lower().startswith("formatrow") and not allowed.may_answer(format_name):
        raise errors.readonly(f"{name} is offered with the literal name of a format that an answer may have")
    if name.lower() == "format" and format_name.lower() in forbidden.formats:
        raise errors.readonly(f"the format {format_name} is not offered here")


def _check_written(name: str, previous: str) -> None:
    if previous == "ENGINE =" and not _ENGINES.fullmatch(name):
        raise errors.readonly(f"the table engine {name} reaches outside the database")


def _outward(name: str) -> errors.ClickHouseError:
    return errors.readonly(f"{name} is not allowed: it reaches files, the network or the process behind the database")
