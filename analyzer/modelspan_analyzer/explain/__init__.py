"""Why predictions were what they were: attributions, their drift, and explanations of single predictions."""
