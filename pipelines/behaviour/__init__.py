"""Behaviour tests of sentiment classifiers: short texts whose right answer is known."""
