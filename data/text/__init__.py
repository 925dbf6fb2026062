"""Texts to batches: the data module, sources, tokens, vocabulary, duplicates and word vectors."""

from data.text.data_module import TextDataModule

__all__ = ["TextDataModule"]
