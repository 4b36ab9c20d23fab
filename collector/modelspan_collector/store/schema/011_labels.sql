-- What came of a prediction: its label, and other outcomes by their names. They come late and are corrected: of each
-- outcome the newest `timestamp` for a tenant's prediction wins.
CREATE TABLE IF NOT EXISTS labels/*local*//**//*on_cluster*//**/
(
    prediction_id String,                 -- of `predictions`
    model         LowCardinality(String),
    timestamp     DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1)), -- when it became known; the newest counts
    received_at   DateTime64(3, 'UTC') DEFAULT now64(3), -- when it came; retention counts from here
    value         Nullable(Float64),      -- a number that was true; NULL where a class was
    label         LowCardinality(String), -- a class that was true; '' where a number was
    tenant        LowCardinality(String), -- who sent it, as its token says; '' is nobody's, and counts where a tenant has no label of its own
    outcome       LowCardinality(String), -- '' is the label, what the model predicts; others have names, such as revenue
    shape         LowCardinality(String), -- not '' where several numbers or texts were true
    items         Array(String) CODEC(ZSTD(1)), -- the texts: labels that apply, items that were relevant
    outputs       Map(LowCardinality(String), Array(Float64)) CODEC(ZSTD(1)) -- the numbers, by name; those without names are `value`
)
ENGINE = /*replicated*//**/ReplacingMergeTree(/*replica*//**/timestamp)
PRIMARY KEY (prediction_id)
ORDER BY (prediction_id, tenant, outcome)
TTL toDateTime(received_at) + INTERVAL 365 DAY
SETTINGS index_granularity = 8192, /*window*/non_replicated_deduplication_window/**/ = 10000;
