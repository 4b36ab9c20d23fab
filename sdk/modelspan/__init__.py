"""modelspan: every prediction visible, from one decorator."""
