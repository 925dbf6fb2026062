"""Writing of checkpoint files: whole or not at all, on whatever file system they lie."""

import os
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning.plugins.io import TorchCheckpointIO

from data.files.atomic_write import written_whole
from data.files.errors import InputError


class WholeCheckpointIO(TorchCheckpointIO):
    """Writes beside the target, waits until the disk has it, and renames.

    Lightning's own writes to the folder of temporary files first, which may be another file system and
    full: then a cut off file can be left under the target's name.
    """

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | os.PathLike[str], storage_options: Any = None
    ) -> None:
        """Write a checkpoint.

        Raises:
            InputError: it cannot be written; what was there before stays.
        """
        path = Path(path)
        try:
            with written_whole(path) as place, open(place, "wb") as file:
                torch.save(checkpoint, file)
                file.flush()
                os.fsync(file.fileno())
            _sync_folder(path.parent)
        except (OSError, RuntimeError) as error:
            # PyTorch's writer turns a failed write into a RuntimeError of its own words.
            cause = error if isinstance(error, OSError) else error.__context__
            if not isinstance(cause, OSError):
                raise
            raise InputError(
                f"{path}: cannot be written ({cause.strerror or cause}); make room there, or let another"
                " disk hold the folder runs"
            ) from error


def _sync_folder(folder: Path) -> None:
    """Let the disk have the new name too; not every file system can."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(handle)
    except OSError:
        pass
    finally:
        os.close(handle)
