"""Translation: pairs of texts, from files to batches of tokens."""

from data.translation.data_module import TranslationDataModule

__all__ = ["TranslationDataModule"]
