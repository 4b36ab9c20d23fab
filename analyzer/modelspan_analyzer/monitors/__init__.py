"""SQL + statistics + verdict, one file a signal, and one table of them all."""
