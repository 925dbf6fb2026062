"""Measures of texts that were written, their resamples, and baselines."""
