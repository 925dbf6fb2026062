"""Videos to batches: the data module, frames of a part, augmentation, and checks of the files."""

from data.video.data_module import VideoDataModule

__all__ = ["VideoDataModule"]
