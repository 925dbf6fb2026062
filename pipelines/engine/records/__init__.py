"""Rows of an input: opened, numbered, and read from any place on."""
