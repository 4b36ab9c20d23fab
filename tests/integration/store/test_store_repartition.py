"""Predictions by age: a long history makes few parts, and a store that had a partition a week comes to that too."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from modelspan_collector.store import repartition, retention, schema
from modelspan_collector.store.connect import Store, connect
from modelspan_collector.store.segments import keep_segments

ROWS = 60
INSERT = """
INSERT INTO predictions (model, version, timestamp, received_at, prediction_id, value, numeric_features, tags)
SELECT 'churn', '1', fromUnixTimestamp64Nano(toInt64(1750000000 - number * 86400 * 61) * 1000000000, 'UTC'),
       fromUnixTimestamp64Milli(toInt64(1750000000000), 'UTC'), concat({name:String}, toString(number)), number / 10,
       map('age', number), map('country', 'DE')
FROM numbers({rows:UInt32}) SETTINGS max_partitions_per_insert_block = 0
"""
PARTITIONS = """
SELECT uniqExact(partition_id) FROM system.parts WHERE database = currentDatabase() AND active AND table = 'predictions'
"""
ALL = "SELECT * FROM predictions ORDER BY prediction_id"
SKETCHED = """
SELECT segment, sum(rows) AS n FROM feature_profiles WHERE kind = 'rows' GROUP BY segment ORDER BY segment
"""


@pytest.fixture
def weekly(engine_dsn: str) -> Iterator[Store]:
    """A store as it was: a partition a week, nine years of rows, a retention and a column of its own, and a segment."""
    opened = connect(engine_dsn, "weekly")
    for _, ddl in schema.statements():
        opened.command(ddl.replace(repartition.BY_AGE, repartition.BY_WEEK))
    opened.command(
        "INSERT INTO schema_migrations (version, name) SELECT {n:UInt32}, 'as it was'", {"n": schema.newest()}
    )
    keep_segments(opened, ("tag.country",))
    opened.command("ALTER TABLE predictions ADD COLUMN note String DEFAULT concat('of ', model)")
    retention.set_days(opened, {"predictions": 900})
    opened.command(INSERT, {"rows": ROWS, "name": "before-"})
    yield opened
    opened.command("DROP DATABASE weekly")
    opened.close()


def test_ten_years_in_random_order_make_a_part_a_year(store: Store) -> None:
    """Beside the weeks of the last month, which fresh rows and late ones share."""
    store.command(INSERT, {"rows": ROWS, "name": ""})
    assert int(store.scalar(PARTITIONS)) <= 10 + 1 + 5


def test_a_store_of_weeks_is_split_by_age_when_it_is_opened(weekly: Store) -> None:
    """Every row, the columns, the retention and the views stay; what comes next is sketched once."""
    assert int(weekly.scalar(PARTITIONS)) == ROWS
    before, sketched = weekly.rows(ALL), weekly.rows(SKETCHED)
    for _ in range(2):
        schema.apply(weekly)
        assert weekly.rows(ALL) == before
        assert weekly.rows(SKETCHED) == sketched
    assert int(weekly.scalar(PARTITIONS)) <= 10 + 1 + 5
    assert retention.days(weekly)["predictions"] == 900
    assert [row["name"] for row in weekly.rows("SHOW TABLES LIKE 'predictions%'")] == [
        "predictions",
        "predictions_from_spans",
    ]
    weekly.command(INSERT, {"rows": 5, "name": "after-"})
    weekly.command(
        "INSERT INTO otel_traces (Timestamp, TraceId, SpanId, SpanAttributes) SELECT now64(9), 'aa', 'span',"
        " map('modelspan.model.name', 'churn', 'modelspan.prediction.value', '0.5', 'modelspan.tag.country', 'DE')"
    )
    assert weekly.scalar("SELECT count() FROM predictions") == ROWS + 6
    assert weekly.rows(SKETCHED) == [{**row, "n": row["n"] + 6} for row in sketched]


@pytest.mark.parametrize("interrupted", ["before the rows", "while copying", "while dropping", "while moving"])
def test_a_move_that_was_interrupted_is_taken_up(weekly: Store, interrupted: str) -> None:
    """Wherever it was, no row is lost and none is there twice."""
    before = weekly.rows(ALL)
    weeks = list(repartition._partitions(weekly, "predictions"))
    engine = weekly.scalar("SELECT engine_full FROM system.tables WHERE database = 'weekly' AND name = 'predictions'")
    repartition._put_in_place(weekly, str(engine))
    if interrupted != "before the rows":
        name = "predictions_copying" if interrupted == "while copying" else "predictions_copied"
        weekly.command(f"CREATE TABLE {name} AS predictions")
        copy = f"INSERT INTO {name} SELECT * FROM predictions_by_week WHERE _partition_id IN {{weeks:Array(String)}}"
        weekly.command(copy, {"weeks": weeks[:5]})
    if interrupted == "while dropping":
        weekly.command(f"ALTER TABLE predictions_by_week DROP PARTITION ID '{weeks[0]}'")
    if interrupted == "while moving":
        for week in weeks[:5]:
            weekly.command(f"ALTER TABLE predictions_by_week DROP PARTITION ID '{week}'")
        year = next(iter(repartition._partitions(weekly, "predictions_copied")))
        weekly.command(f"ALTER TABLE predictions_copied MOVE PARTITION ID '{year}' TO TABLE predictions")
    schema.apply(weekly)
    assert weekly.rows(ALL) == before
