-- Answers, and what was true of them, may be several numbers or texts. What was stored before is one number or class each.
ALTER TABLE predictions
    ADD COLUMN IF NOT EXISTS shape LowCardinality(String), ADD COLUMN IF NOT EXISTS items Array(String) CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS outputs Map(LowCardinality(String), Array(Float64)) CODEC(LZ4);
ALTER TABLE labels
    ADD COLUMN IF NOT EXISTS shape LowCardinality(String), ADD COLUMN IF NOT EXISTS items Array(String) CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS outputs Map(LowCardinality(String), Array(Float64)) CODEC(ZSTD(1));
ALTER TABLE reference_predictions
    ADD COLUMN IF NOT EXISTS shape LowCardinality(String), ADD COLUMN IF NOT EXISTS items Array(String) CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS outputs Map(LowCardinality(String), Array(Float64)) CODEC(ZSTD(1));
