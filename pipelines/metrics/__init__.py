"""Scores, intervals, calibration, significance, slices, and what a baseline reaches."""
