"""Whether what a version does is what people told of it: its stage and its approval."""
