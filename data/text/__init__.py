"""Texts to batches: the data module, sources, parts, duplicates; base of modules of tokens."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from data.text.data_module import TextDataModule

__all__ = ["TextDataModule"]


def __getattr__(name: str) -> Any:
    # Imported when asked for: Lightning takes seconds to load, and who answers needs none of it.
    if name in __all__:
        from data.text import data_module

        return getattr(data_module, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
