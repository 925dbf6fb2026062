"""Running text to streams of tokens, for language models."""

from data.running_text.data_module import LanguageDataModule

__all__ = ["LanguageDataModule"]
