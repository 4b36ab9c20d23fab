ENGINE = /*replicated*//**/MergeTree/*replica_only*//**/
PARTITION BY if(toDate(TimeUnix) + 30 >= toDate(ReceivedAt), toDate(TimeUnix), toStartOfYear(TimeUnix))
ORDER BY (ServiceName, MetricName, toStartOfHour(TimeUnix), cityHash64(Attributes), TimeUnix)
TTL ReceivedAt + INTERVAL 30 DAY
SETTINGS index_granularity = 8192, ttl_only_drop_parts = 1, /*window*/non_replicated_deduplication_window/**/ = 10000
