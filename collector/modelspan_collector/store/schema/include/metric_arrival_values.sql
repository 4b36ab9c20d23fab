    toDateTime(intDiv(received, 1000000000), 'UTC') AS ReceivedAt,
    if(is_wild(point.time_unix_nano, received), point.time_unix_nano, 0) AS OriginalTimestamp,
    ResourceDroppedAttrCount,
    MetricMetadata
