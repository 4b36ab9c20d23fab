    ReceivedAt            DateTime('UTC') DEFAULT now() CODEC(Delta(4), ZSTD(1)),
    OriginalTimestamp     UInt64 CODEC(ZSTD(1)), -- what the client's clock said, where it was out of range and replaced
    ResourceDroppedAttrCount UInt32 CODEC(ZSTD(1)),
    MetricMetadata        Map(LowCardinality(String), String) CODEC(ZSTD(1))
