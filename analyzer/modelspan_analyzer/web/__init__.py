"""HTTP for people and for the monitoring stack: health, metrics, status and a small JSON interface."""
