"""Clips to batches of frames, and what is wrong with them."""

from data.video.data_module import VideoDataModule

__all__ = ["VideoDataModule"]
