"""Calls for retraining: rules over monitor results that post a signed webhook or run a command."""
