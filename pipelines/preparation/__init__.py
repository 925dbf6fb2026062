"""Preparation of a model on the training part, before it learns."""
