"""One reader for tables: CSV, JSON lines and Parquet to rows, and the choice of their columns."""
