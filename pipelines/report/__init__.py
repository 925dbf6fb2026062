"""The outcome of a test to figures, tables, pictures and a page."""
