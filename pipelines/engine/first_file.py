"""Files that the first of several processes writes, and that all of them read."""

import os
from pathlib import Path


def keep_first(place: Path, file: Path) -> None:
    """Give a finished file its name, unless there is one of that name."""
    try:
        os.link(place, file)
    except FileExistsError:
        pass
    except OSError:
        # A file system without links. Processes that start at once write the same.
        if not file.exists():
            place.replace(file)
