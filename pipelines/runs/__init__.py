"""Folders of runs: their names, what they keep, and whether they can be written to."""
