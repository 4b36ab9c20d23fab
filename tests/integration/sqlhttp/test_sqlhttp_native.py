"""Native blocks for clients of a newer protocol version, measured against an independent reader of the format."""

from __future__ import annotations

import httpx

from modelspan_collector.sqlhttp.native import BlockUpgrader

EVERY_TYPE = """SELECT number AS u, toString(number) AS s, toFixedString('ab', 3) AS f, number % 2 = 0 AS b,
    if(number % 3, NULL, number) AS n, toLowCardinality(toString(number % 5)) AS lc,
    toLowCardinality(if(number % 2, NULL, 'x')) AS lcn, range(number % 4) AS a,
    arrayMap(x -> toLowCardinality(toString(x)), range(number % 3)) AS alc, map('k', toFloat64(number)) AS m,
    CAST(map('k', toString(number)), 'Map(LowCardinality(String), String)') AS mlc, (number, 'x', [1, 2]) AS t,
    CAST((1, 'y'), 'Tuple(a UInt8, `b c` String)') AS tn, toDate('2026-01-01') + number AS d,
    toDateTime64('2026-01-01 00:00:00.123', 9, 'UTC') AS dt, toDecimal64(1.5, 3) AS dec,
    toUUID('00000000-0000-0000-0000-000000000001') AS id,
    CAST('a', 'Enum8(\\'a\\' = 1, \\'b,(\\' = 2)') AS e, [[toString(number)], []] AS aa,
    [map('x', [1])] AS am, [NULL, 1] AS an, toIPv4('1.2.3.4') AS ip
FROM numbers(100000)"""


def test_every_common_type_is_measured_to_the_byte(sql: httpx.Client) -> None:
    """With the revision that only adds a block header, the blocks are the engine's own, whatever the types."""
    plain = sql.post("/", content=f"{EVERY_TYPE} FORMAT Native").content
    upgrader, newer = BlockUpgrader(54405), b""
    for start in range(0, len(plain), 100_000):
        newer += upgrader.feed(plain[start : start + 100_000])
    newer += upgrader.finish()
    header = b"\x01\x00\x02\xff\xff\xff\xff\x00"
    assert newer.startswith(header)
    assert newer.count(header) > 1
    assert newer.replace(header, b"") == plain


def test_clients_of_a_newer_protocol_get_one_byte_a_column(sql: httpx.Client) -> None:
    """What clickhouse-go asks for: the engine's blocks, a header each, and a byte between each type and its data."""
    columns = EVERY_TYPE.count(" AS ")
    plain = sql.post("/", content=f"{EVERY_TYPE} FORMAT Native").content
    newer = sql.post("/", params={"client_protocol_version": "54460"}, content=f"{EVERY_TYPE} FORMAT Native").content
    blocks = newer.count(b"\x01\x00\x02\xff\xff\xff\xff\x00")
    assert len(newer) - len(plain) == blocks * (8 + columns)


def test_custom_serialization_byte_stands_between_type_and_data() -> None:
    """From revision 54454 on every column says that its serialization is the usual one."""
    block = b"\x02\x01" + b"\x01a\x05UInt8\x07" + b"\x01b\x06String\x02hi"
    upgrader = BlockUpgrader(54460)
    assert upgrader.feed(block[:9]) == b""
    assert upgrader.feed(block[9:]) == (
        b"\x01\x00\x02\xff\xff\xff\xff\x00\x02\x01" + b"\x01a\x05UInt8\x00\x07" + b"\x01b\x06String\x00\x02hi"
    )


def test_types_that_cannot_be_measured_say_so(sql: httpx.Client) -> None:
    """A state has no length of its own in the format: the message says to cast it."""
    answer = sql.post("/", params={"client_protocol_version": "54460"}, content="SELECT sumState(1) FORMAT Native")
    assert answer.headers["X-ClickHouse-Exception-Code"] == "48"


def test_questions_that_drivers_ask_first_are_answered(sql: httpx.Client) -> None:
    """The handshakes of clickhouse-go, the JDBC driver and Grafana's editor."""
    for question in (
        "SELECT displayName(), version(), revision(), timezone()",
        "SELECT currentUser() AS user, timezone() AS timezone, version() AS version FORMAT RowBinaryWithNamesAndTypes",
        "SELECT name, value FROM system.settings WHERE name IN ('readonly', 'compatibility')",
        "SELECT name FROM system.databases",
        "SELECT database, name, type, comment FROM system.columns WHERE table = 'models' ORDER BY position",
        "SHOW TABLES",
        "DESCRIBE TABLE models SETTINGS describe_compact_output = 0",
        "SELECT name FROM system.functions LIMIT 5",
        "EXPLAIN PLAN SELECT 1",
        "SELECT macro, substitution FROM system.macros",
    ):
        answer = sql.post("/", content=question)
        assert answer.status_code == 200, answer.text
