"""When a measurement becomes an alarm: effect size, evidence, many features at once, persistence."""
