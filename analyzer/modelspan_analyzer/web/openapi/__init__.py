"""What the HTTP interface takes and answers, in one table, by which requests are checked and described."""
