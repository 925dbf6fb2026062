"""One page in one file: its style, headings, tables, and pictures that are part of it."""
