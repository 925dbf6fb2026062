"""Answerers behind the server: a model of each kind, how its inputs are read, and explanations."""
