"""Ragged batches under a step budget, parts of a data set, and the base of all data modules."""
