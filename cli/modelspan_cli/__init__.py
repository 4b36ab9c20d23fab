"""The command line: thin over the library functions of the other components."""
