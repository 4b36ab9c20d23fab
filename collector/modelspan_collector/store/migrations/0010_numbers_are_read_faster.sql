-- Numbers of new parts, and of parts as they are merged, are compressed by what is read in half the time.
ALTER TABLE predictions
    MODIFY COLUMN IF EXISTS scores CODEC(LZ4),
    MODIFY COLUMN IF EXISTS numeric_features CODEC(LZ4),
    MODIFY COLUMN IF EXISTS attributions CODEC(LZ4);
