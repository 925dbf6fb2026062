"""Tensors in, tensors out: encoders, recurrences and what is composed of them."""
