"""Who may send what: TLS, tokens, tenants, redaction at the gate."""
