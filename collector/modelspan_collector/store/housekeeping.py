"""Keeps the embedded store small and quick: a disk budget, and small parts merged."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field

from modelspan_collector.background import Background
from modelspan_collector.store.connect import Store
from modelspan_collector.store.quote import quote_identifier

log = logging.getLogger(__name__)

INTERVAL_SECONDS = 60.0
SMALL_PARTS = 8
"""A partition of more parts than this, quiet for a while, is merged."""
QUIET_SECONDS = 600
MERGED_SECONDS = 60
"""For so long parts stay that were merged into others, instead of eight minutes. That the disk has the bytes of new
parts is what the wait is for, and the system writes them within half a minute.
"""
FEW_MERGED = 20
"""A table of no more merged parts at one time is left as it is."""
EXPENDABLE = ("otel_traces", "otel_logs", "otel_metrics_%", "otel_traces_trace_id_ts", "predictions")
"""Tables whose oldest partitions go when the disk budget is exceeded, by LIKE pattern. Labels, models, baselines and
results are small, and are what is left to understand the past by."""

_SIZE_SQL = "SELECT sum(bytes_on_disk) FROM system.parts WHERE database = currentDatabase() AND active"
_OLDEST_SQL = """WITH stored AS
(
    SELECT table, partition_id, sum(bytes_on_disk) AS bytes, sum(rows) AS rows, max(max_block_number) AS newest_block
    FROM system.parts
    WHERE database = currentDatabase() AND active
        AND arrayExists(pattern -> like(table, pattern), {tables:Array(String)})
    GROUP BY table, partition_id
)
SELECT table, partition_id, bytes, rows FROM stored
ORDER BY count() OVER (PARTITION BY table) > 1 DESC, sum(bytes) OVER (PARTITION BY table) DESC, newest_block
LIMIT 1"""
_FRAGMENTED_SQL = """SELECT table, partition_id FROM system.parts
WHERE database = currentDatabase() AND active
GROUP BY table, partition_id
HAVING count() > {parts:UInt32} AND max(modification_time) < now() - {quiet:UInt32}"""
_LITTERED_SQL = """SELECT table FROM system.parts
WHERE database = currentDatabase() AND NOT active AND table IN (
    SELECT name FROM system.tables
    WHERE database = currentDatabase() AND engine LIKE '%MergeTree' AND position(engine_full, 'old_parts_lifetime') = 0
)
GROUP BY table HAVING count() > {parts:UInt32} ORDER BY table"""


@dataclass(frozen=True, slots=True)
class Dropped:
    """One partition that went to keep the budget."""

    table: str
    partition_id: str
    rows: int
    bytes: int


@dataclass(slots=True)
class Tally:
    """What house-keeping did since the start."""

    partitions_dropped: int = 0
    rows_dropped: int = 0
    bytes_dropped: int = 0
    partitions_merged: int = 0
    failures: int = 0


def stored_bytes(store: Store) -> int:
    """Bytes on disk of the store's database."""
    return int(store.scalar(_SIZE_SQL))


def keep_budget(store: Store, budget_bytes: int) -> list[Dropped]:
    """Drop partitions until the database fits the budget: of the largest table, the one longest not written to.

    Args:
        store: the store.
        budget_bytes: bytes that the database may take on disk.
    """
    dropped = []
    while stored_bytes(store) > budget_bytes:
        oldest = store.rows(_OLDEST_SQL, {"tables": list(EXPENDABLE)})
        if not oldest:
            log.warning("the store exceeds its disk budget of %d bytes with tables that are not dropped", budget_bytes)
            break
        gone = Dropped(oldest[0]["table"], oldest[0]["partition_id"], int(oldest[0]["rows"]), int(oldest[0]["bytes"]))
        store.command(f"ALTER TABLE {_partition(gone.table, gone.partition_id, 'DROP PARTITION ID')}")
        log.warning(
            "dropped partition %s of %s (%d rows, %d bytes) to keep the disk budget of %d bytes",
            gone.partition_id, gone.table, gone.rows, gone.bytes, budget_bytes,
        )  # fmt: skip
        dropped.append(gone)
    return dropped


def merge_small_parts(store: Store, parts: int = SMALL_PARTS, quiet_seconds: int = QUIET_SECONDS) -> int:
    """Merge quiet partitions that are in many parts; return how many."""
    fragmented = store.rows(_FRAGMENTED_SQL, {"parts": parts, "quiet": quiet_seconds})
    for row in fragmented:
        store.command(f"OPTIMIZE TABLE {_partition(row['table'], row['partition_id'], 'PARTITION ID')}")
    return len(fragmented)


def shorten_waits(store: Store) -> list[str]:
    """Let merged parts go sooner from tables that collect them, as small inserts one after another do; which ones."""
    littered = [str(row["table"]) for row in store.rows(_LITTERED_SQL, {"parts": FEW_MERGED})]
    for table in littered:
        store.command(f"ALTER TABLE {quote_identifier(table)} MODIFY SETTING old_parts_lifetime = {MERGED_SECONDS}")
    return littered


def _partition(table: str, partition_id: str, clause: str) -> str:
    """Partition ids are made by the engine, of digits and letters; they cannot be bound parameters."""
    if not partition_id.replace("-", "").isalnum():
        raise ValueError(f"{partition_id!r} is not the id of a partition")
    return f"{quote_identifier(table)} {clause} '{partition_id}'"


@dataclass
class HouseKeeper:
    """Keeps house on a thread of its own."""

    store: Store
    budget_bytes: int = 0
    """0 means no budget."""
    interval_seconds: float = INTERVAL_SECONDS
    tally: Tally = field(default_factory=Tally)

    def __post_init__(self) -> None:
        self._background = Background.every("modelspan-housekeeping", self.interval_seconds, self.round)

    def start(self) -> None:
        """Begin."""
        self._background.start()

    def stop(self) -> None:
        """Finish what is under way and end."""
        self._background.stop()

    def round(self) -> None:
        """Do everything once; a failure is logged and counted, as the next round may succeed."""
        try:
            self._keep()
        except Exception:
            self.tally.failures += 1
            log.exception("house-keeping of the store failed")

    def _keep(self) -> None:
        if self.budget_bytes:
            dropped = keep_budget(self.store, self.budget_bytes)
            self.tally.partitions_dropped += len(dropped)
            self.tally.rows_dropped += sum(gone.rows for gone in dropped)
            self.tally.bytes_dropped += sum(gone.bytes for gone in dropped)
        shorten_waits(self.store)
        self.tally.partitions_merged += merge_small_parts(self.store)
