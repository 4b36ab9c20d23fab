"""A tenant that comes to the file of tokens is watched without a restart."""

from __future__ import annotations

from pathlib import Path

import pytest
from support import eventually

from modelspan_analyzer import tenants
from modelspan_analyzer.config.settings import MonitorsConfig
from modelspan_analyzer.tenants import Tenants
from modelspan_collector.access.tokens import Tokens
from modelspan_collector.store.connect import Store


def test_a_tenant_that_is_added_is_watched(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The one beside it too; whose token goes keeps its watch, as its rows are still there."""
    monkeypatch.setattr(tenants, "LOOK_SECONDS", 0.05)
    names = [f"{store.database}_{one}" for one in ("first", "second")]
    (tmp_path / "tokens").write_text(f"one database={names[0]}\n")
    made = Tenants(store.dsn, Tokens(tmp_path / "tokens"), MonitorsConfig())
    made.start()
    try:
        (tmp_path / "tokens").write_text(f"two database={names[1]}\nthree tenant=acme\n")
        schemas = "SELECT count() FROM system.tables WHERE name = 'monitor_runs' AND database = {name:String}"
        for name in names:
            eventually(lambda name=name: store.scalar(schemas, {"name": name}))
        eventually(lambda: set(names) == made._watched.keys())
    finally:
        made.stop()
        for name in names:
            store.command(f"DROP DATABASE IF EXISTS {name}")
