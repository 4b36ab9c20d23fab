"""Settings and formats are let in by exact name, whichever way they come; every other one of the engine is not."""

from __future__ import annotations

import re
from pathlib import Path

import clickhouse_connect
import httpx
import pytest

from modelspan_collector.sqlhttp import allowed, errors, settings
from modelspan_collector.sqlhttp.server import SqlServer
from modelspan_collector.sqlhttp.settings import Limits
from modelspan_collector.store.connect import READING, Store, connect

OUTWARD = re.compile(
    r"files?|filenames?|paths?|urls?|uris?|schemas?|commands?|scripts?|registry|director(y|ies)|folders?|servers?|hosts?|"
    r"secrets?|passwords?|executable",
    re.IGNORECASE,
)
"""Words of a setting that reaches out of the answer."""

MENTIONS = {
    "any_join_distinct_right_table_keys": "an older server's behaviour",
    "date_time_output_format": "an older server's format",
    "input_format_avro_null_as_default": "rows that the client sends",
    "input_format_csv_allow_variable_number_of_columns": "file stands for the rows that the client sends",
    "input_format_defaults_for_omitted_fields": "where defaults are computed",
    "input_format_tsv_allow_variable_number_of_columns": "file stands for the rows that the client sends",
    "input_format_tsv_crlf_end_of_line": "file stands for the rows that the client sends",
    "max_bytes_to_read": "how it is counted on several servers",
    "max_insert_block_size": "formats of the rows that the client sends",
    "max_partitions_per_insert_block": "which servers it concerns",
    "mutations_sync": "which servers it waits for",
    "max_rows_to_read": "how it is counted on several servers",
    "min_insert_block_size_rows": "formats of the rows that the client sends",
    "output_format_native_write_json_as_string": "paths inside of JSON",
    "prefer_column_name_to_alias": "another server's dialect",
    "session_timezone": "the server's own zone as the default",
}
"""Allowed settings whose description has such a word, and what it means there. A name has no excuse."""

DANGEROUS = {
    "output_format_schema": "'{path}'",
    "input_format_record_errors_file_path": "'{path}'",
    "format_schema": "'{path}:x'",
    "format_schema_source": "'query'",
    "format_template_row": "'{path}'",
    "format_avro_schema_registry_url": "'http://127.0.0.1:1/'",
    "format_display_secrets_in_show_and_select": "1",
    "temporary_files_codec": "'NONE'",
    "max_memory_usage_for_user": "0",
    "allow_introspection_functions": "1",
    "readonly": "0",
    "a_setting_that_a_new_engine_brings": "1",
}

IN_THE_TEXT = [
    "SELECT 1 AS x FORMAT Protobuf SETTINGS {setting}",
    "SELECT 1 AS x SETTINGS {setting} FORMAT Protobuf",
    "SELECT 1 AS x FORMAT TSV SETTINGS max_threads = 1, {setting}",
    "SELECT * FROM (SELECT 1 AS x SETTINGS {setting}) FORMAT Protobuf",
    "WITH y AS (SELECT 1 AS x SETTINGS max_threads = 1, {setting}) SELECT * FROM y",
    "SELECT 1 AS x SETTINGS {setting} UNION ALL SELECT 2",
    "SELECT 1 AS x UNION ALL SELECT 2 SETTINGS {setting}",
    "SELECT (SELECT 1 SETTINGS {setting})",
    "EXPLAIN SELECT 1 SETTINGS {setting}",
    "DESCRIBE TABLE models SETTINGS {setting}",
    "SHOW TABLES SETTINGS {setting}",
    "SET {setting}",
    "SET max_threads = 1, {setting}",
]
BY_A_WRITER = [
    "INSERT INTO models (owner) SETTINGS {setting} SELECT 'x'",
    "INSERT INTO models (owner) SETTINGS {setting} VALUES ('x')",
    "INSERT INTO models (owner) SELECT owner FROM (SELECT owner FROM models SETTINGS {setting})",
    "CREATE VIEW x AS SELECT 1 SETTINGS {setting}",
    "CREATE TABLE x (a Int8) ENGINE = MergeTree ORDER BY a SETTINGS {setting}",
    "CREATE TABLE x (a Int8) ENGINE = MergeTree ORDER BY a SETTINGS index_granularity = 1, {setting}",
    "CREATE TABLE x (a Int8) ENGINE = MergeTree ORDER BY a AS SELECT 1 AS a SETTINGS {setting}",
    "CREATE TABLE x (a Int8 CODEC(NONE) SETTINGS ({setting})) ENGINE = MergeTree ORDER BY a",
    "ALTER TABLE models MODIFY SETTING {setting}",
    "ALTER TABLE models DELETE WHERE 0 SETTINGS {setting}",
    "CREATE DATABASE x ENGINE = Atomic SETTINGS {setting}",
]


@pytest.fixture(scope="module")
def described(sql_store: Store) -> dict[str, str]:
    """The engine's settings, with what it says of each."""
    return {row["name"]: row["description"] for row in sql_store.rows("SELECT name, description FROM system.settings")}


def test_every_setting_of_the_engine_is_allowed_by_name_or_refused(described: dict[str, str]) -> None:
    """What stands in no table is refused, and what is passed over is never applied."""
    assert len(described) > 1000
    for name in described:
        if name in allowed.SETTINGS | allowed.CAPPED | allowed.IGNORED:
            continue
        with pytest.raises(errors.ClickHouseError, match="Cannot modify") as refusal:
            settings.effective({name: "0"}, Limits())
        assert refusal.value.status == 403
    assert settings.effective(dict.fromkeys(allowed.IGNORED, "1"), Limits()) == Limits().engine_settings()
    assert not allowed.IGNORED & (allowed.SETTINGS | allowed.CAPPED)


def test_every_allowed_setting_is_one_that_the_engine_has(described: dict[str, str]) -> None:
    """The tables hold no name that nobody has looked at, for want of it; each stands under one reason."""
    assert (allowed.SETTINGS | allowed.CAPPED) - described.keys() == set()
    assert sum(len(names.split()) for names in allowed.SETTINGS_BY_REASON.values()) == len(allowed.SETTINGS)


def test_no_allowed_setting_names_something_outside_of_the_answer(described: dict[str, str]) -> None:
    """A file, path, URL, schema or command: not in a name at all, in a description only where it is explained."""
    named = {name for name in allowed.SETTINGS if any(map(OUTWARD.fullmatch, name.split("_")))}
    assert named == set()
    spoken = {name for name in allowed.SETTINGS if any(map(OUTWARD.fullmatch, re.findall(r"\w+", described[name])))}
    assert spoken - MENTIONS.keys() == set(), "read what the engine says of it: does it reach out of the answer?"
    assert MENTIONS.keys() - allowed.SETTINGS == set()


def test_every_format_of_the_engine_is_allowed_by_name_or_refused(sql: httpx.Client, sql_store: Store) -> None:
    """An answer may have the formats of the table and no other, in whatever case they are written."""
    known = {row["name"] for row in sql_store.rows("SELECT name FROM system.formats")}
    assert (allowed.RESULT_FORMATS | allowed.INPUT_FORMATS) - known == set()
    for name in sorted(known - allowed.RESULT_FORMATS):
        for dress in (name, name.lower()):
            answer = sql.post("/", params={"default_format": dress}, content="SELECT 1 AS x")
            assert answer.status_code == 404, dress
            assert sql.post("/", content=f"SELECT 1 AS x FORMAT {dress}").status_code == 404, dress
        assert sql.post("/", content=f"SELECT formatRow('{name}', 1)").status_code == 403, name


@pytest.mark.parametrize("name", DANGEROUS)
def test_a_setting_that_is_not_allowed_is_refused_whichever_way_it_comes(
    sql: httpx.Client, writable_sql: httpx.Client, tmp_path: Path, name: str
) -> None:
    """In the URL, in the text at any depth, by SET, with external tables, in what a writer may say: no file is made."""
    path = str(tmp_path / "poc")
    value = DANGEROUS[name].replace("{path}", path)
    ways = [way.replace("{setting}", f"{name} = {value}") for way in IN_THE_TEXT]
    for client in (sql, writable_sql):
        for way in (*ways, *(way.replace(f" = {value}", "") for way in ways)):
            answer = client.post("/", params={"session_id": f"{tmp_path.name}-{name}"}, content=way)
            assert answer.headers["x-clickhouse-exception-code"] in ("164", "62"), way
        for bare in (value.strip("'"), f"{value.strip(chr(39))}', max_threads = '1"):
            answer = client.post("/", params={name: bare}, content="SELECT 1 AS x")
            assert answer.status_code == 403, bare
        form = client.post(
            "/",
            params={"query": "SELECT * FROM t", "t_structure": "a Int8", "t_format": "TSV", name: value.strip("'")},
            files={"t": b"not a number\n"},
        )
        assert form.status_code == 403
    for way in BY_A_WRITER:
        for dress in (f"{name} = {value}", f"mutations_sync = 1, {name} = {value}"):
            answer = writable_sql.post("/", content=way.replace("{setting}", dress))
            assert answer.headers["x-clickhouse-exception-code"] in ("164", "62"), way
    assert list(tmp_path.iterdir()) == []


def test_what_is_allowed_is_applied_whichever_way_it_comes(sql: httpx.Client, writable_sql: httpx.Client) -> None:
    """The same names work in the URL, at the end of a statement, by SET, and in what a writer says of a table."""
    asked = "SELECT getSetting('join_use_nulls')"
    for number, client in enumerate((sql, writable_sql)):
        session = {"session_id": f"allowed-{number}"}
        assert client.post("/", params={"join_use_nulls": "1"}, content=asked).text == "true\n"
        assert client.post("/", content=f"{asked} SETTINGS max_threads = 1, join_use_nulls = 1").text == "true\n"
        assert client.post("/", params=session, content="SET join_use_nulls = 1").status_code == 200
        assert client.post("/", params=session, content=asked).text == "true\n"
    made = "CREATE TABLE kept (a Int8) ENGINE = MergeTree ORDER BY a SETTINGS index_granularity = 64"
    for statement in (
        made,
        "ALTER TABLE kept MODIFY SETTING min_rows_for_wide_part = 5, min_bytes_for_wide_part = 7",
        "INSERT INTO kept SETTINGS max_insert_block_size = 10, async_insert = 0 SELECT 1",
        "ALTER TABLE kept DELETE WHERE a = 9 SETTINGS mutations_sync = 1",
        "DROP TABLE kept",
    ):
        answer = writable_sql.post("/", content=statement)
        assert answer.status_code == 200, answer.text


def test_a_query_reads_the_way_that_pages_do(sql: httpx.Client) -> None:
    """One trace or prediction is found as fast by a client's own statement."""
    asked = ", ".join(f"toUInt8(getSetting('{name}'))" for name in READING)
    assert sql.post("/", content=f"SELECT {asked}").text.split() == [str(value) for value in READING.values()]


def test_a_column_may_be_called_settings(sql: httpx.Client) -> None:
    """The word is a keyword only where it is one."""
    assert sql.post("/", content="SELECT settings FROM (SELECT 1 AS settings) AS settings").text == "1\n"


def test_no_table_is_a_file(sql: httpx.Client, writable_sql: httpx.Client, sql_store: Store, tmp_path: Path) -> None:
    """The embedded engine's `default` database shows every file as a table: neither read, asked for, nor written."""
    secret = tmp_path / "secret.csv"
    secret.write_text("a,b\n1,the-secret\n")
    for way in (
        "SELECT * FROM default.`{path}`",
        "SELECT * FROM `default`.`{path}`",
        "SELECT 1 IN default.`{path}`",
        "EXISTS TABLE default.`{path}`",
        "DESCRIBE TABLE default.`{path}`",
        "SHOW CREATE TABLE default.`{path}`",
        "SELECT hasColumnInTable('default', '{path}', 'a')",
        "SELECT count() FROM mergeTreeIndex('default', '{path}')",
        "SELECT name FROM system.settings, default.`{path}`",
        "SELECT * FROM {d:Identifier}.{t:Identifier}",
        "CREATE TABLE x ENGINE = Memory AS default.`{path}`",
        "CREATE TABLE x (a Int8) ENGINE = Buffer('default', '{path}', 1, 1, 1, 1, 1, 1, 1)",
        "INSERT INTO default.`{path}` SELECT 1",
        "DROP DATABASE default",
    ):
        for client in (sql, writable_sql):
            text = way.replace("{path}", str(secret))
            answer = client.post("/", params={"param_d": "default", "param_t": str(secret)}, content=text)
            assert answer.status_code == 403, (way, answer.text)
            assert "the-secret" not in answer.text
            elsewhere = client.post("/", params={"database": "default"}, content=f"SELECT * FROM `{secret}`")
            assert elsewhere.status_code == 404
    session = {"session_id": "file-as-a-table"}
    assert writable_sql.post("/", params=session, content="USE default").status_code == 200
    assert writable_sql.post("/", params=session, content="SELECT currentDatabase()").text == f"{sql_store.database}\n"
    assert secret.read_text() == "a,b\n1,the-secret\n"


def test_no_database_with_files_for_tables_is_served(engine_dsn: str) -> None:
    """An endpoint whose own database is such a one would be a hole by itself."""
    store = connect(engine_dsn, "default")
    with pytest.raises(ValueError, match="shows the machine's files"):
        SqlServer(store, port=0)
    store.close()


@pytest.mark.parametrize(
    ("asked", "lock"),
    [
        ("SELECT name, readonly, value FROM system.settings WHERE name = 'readonly' LIMIT 10000", "2"),
        ("SELECT value FROM system.settings WHERE name = 'readonly'", "2"),
        ("SELECT s.value FROM system.settings AS s WHERE name = 'readonly'", "1"),
        ("SELECT value FROM system.settings, system.one WHERE name = 'readonly'", "1"),
        ("SELECT value FROM system.settings ANY JOIN system.one ON 1 WHERE name = 'readonly'", "1"),
        ("SELECT value FROM system.settings WHERE name IN (SELECT 'readonly')", "1"),
        ("SELECT value FROM (SELECT value FROM system.settings WHERE name = 'readonly')", "1"),
    ],
)
def test_a_client_learns_which_settings_it_may_send(sql: httpx.Client, asked: str, lock: str) -> None:
    """Drivers ask the engine which settings are open, and send no other: that question alone has the weaker lock."""
    assert sql.post("/", content=asked).text.split()[-1] == lock


def test_the_driver_takes_settings_for_open(sql_server: SqlServer) -> None:
    """What a person gives clickhouse-connect is sent, as the driver asked first."""
    driver = clickhouse_connect.get_client(host="127.0.0.1", port=sql_server.port)
    assert driver.query("SELECT getSetting('max_block_size')", settings={"max_block_size": 7}).first_row == (7,)
    driver.close()
