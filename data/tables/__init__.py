"""Rows of CSV, JSON lines, Parquet and the hub, and which of their columns is which."""
