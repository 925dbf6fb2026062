"""Losses, schedules, weight averaging, fine-tuning, and callbacks that monitor training."""
