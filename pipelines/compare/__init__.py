"""Runs side by side, with the differences that chance does not explain."""
