"""Scores, confidence intervals, calibration, significance tests, slices and baselines."""
