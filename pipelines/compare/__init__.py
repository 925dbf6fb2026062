"""Comparison of runs, with the differences that chance does not explain."""
