    concat('the clock said ', toString(any(OriginalTimestamp)), ' ns since 1970, ', if(early,
        'a time before 1990 (is it in seconds, milliseconds or microseconds, or was the clock never set?)',
        'a time more than a day ahead (is it in a finer unit than nanoseconds, or is the clock set wrong?)'),
        '; the time of arrival was taken instead') AS reason
