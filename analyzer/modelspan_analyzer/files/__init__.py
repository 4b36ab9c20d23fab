"""Other people's files, whatever they are: every assumption is said, every misfit left out alone and named."""
