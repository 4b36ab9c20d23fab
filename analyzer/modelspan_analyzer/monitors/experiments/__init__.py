"""Champion against challenger, in every window until it is decided."""
