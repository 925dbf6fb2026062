"""Texts to batches of tokens: sources, vocabulary, near duplicates, word vectors."""

from data.text.data_module import TextDataModule

__all__ = ["TextDataModule"]
