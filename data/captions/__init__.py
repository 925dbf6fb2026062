"""Captions: pictures and clips with sentences that describe them, from files to batches."""

from data.captions.data_module import CaptionDataModule

__all__ = ["CaptionDataModule"]
