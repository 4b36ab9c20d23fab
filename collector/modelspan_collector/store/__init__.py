"""The store: one ClickHouse dialect, on the embedded engine or on a server."""
