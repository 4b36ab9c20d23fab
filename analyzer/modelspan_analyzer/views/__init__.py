"""What people are shown, as frozen records: pages, JSON, CSV and reports are made of the same views."""
