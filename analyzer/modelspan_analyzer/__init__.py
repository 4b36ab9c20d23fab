"""The analyzer: asks the store the questions that matter, and says what it found."""
