"""Running text to batches: the data module of language models, and its streams of tokens."""

from data.running_text.data_module import LanguageDataModule

__all__ = ["LanguageDataModule"]
