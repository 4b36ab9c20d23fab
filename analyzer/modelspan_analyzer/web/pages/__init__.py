"""What people look at: each page is one view, as HTML, as `.json` and as `.csv`."""
