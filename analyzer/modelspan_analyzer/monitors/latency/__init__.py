"""How long predictions take, and whether they answer in time."""
