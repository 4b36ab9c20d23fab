"""Who may look and act on the web port: tokens with roles, sessions of browsers, and one table of what each may do."""
