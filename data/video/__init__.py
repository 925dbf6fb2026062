"""Videos to batches: the data module, frames of a part, augmentation, and checks of the files."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from data.video.data_module import VideoDataModule

__all__ = ["VideoDataModule"]


def __getattr__(name: str) -> Any:
    # Imported when asked for: Lightning takes seconds to load, and who answers needs none of it.
    if name in __all__:
        from data.video import data_module

        return getattr(data_module, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
