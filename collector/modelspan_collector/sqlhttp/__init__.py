"""ClickHouse's HTTP protocol on the embedded store: request → vetted statement → engine → streamed answer."""
