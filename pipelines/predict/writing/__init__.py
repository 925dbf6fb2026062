"""Answers that are written by a saved model: captions, translations."""
