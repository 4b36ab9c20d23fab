-- Which version of the schema this database has, and how it got there: one row a step.
CREATE TABLE IF NOT EXISTS schema_migrations/*local*//**//*on_cluster*//**/
(
    version    UInt32,
    name       String,
    applied_at DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = /*replicated*//**/ReplacingMergeTree(/*replica*//**/applied_at)
ORDER BY version;
