"""Lessons: short texts that a classifier of texts learns beside those of the user."""
