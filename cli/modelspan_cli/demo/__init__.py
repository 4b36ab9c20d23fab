"""The demo: a real model behind a feature store that breaks, and what modelspan says of it."""
