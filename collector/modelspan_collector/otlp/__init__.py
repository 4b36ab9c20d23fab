"""OTLP itself: its signals, its bytes, its errors; nothing is received or stored here."""
