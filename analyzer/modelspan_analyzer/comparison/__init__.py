"""Champion against challenger: the same measures on both, and a plain recommendation."""
