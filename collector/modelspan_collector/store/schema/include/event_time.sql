    -- A clock is believed between 1990 and a day after arrival; else arrival counts, and the table keeps what was sent.
    (sent, received) -> sent < 631152000000000000 OR sent > received + 86400000000000 AS is_wild,
    (sent, received) -> fromUnixTimestamp64Nano(toInt64(if(is_wild(sent, received), received, sent)), 'UTC') AS event_time
