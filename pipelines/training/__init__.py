"""Losses, schedules, averaging, fine-tuning, and what is watched while a model trains."""
