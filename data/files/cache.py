"""The cache folder, for generated and downloaded files."""

import os
import sys
from pathlib import Path


def cache_folder() -> Path:
    """Path of the cache folder: $MANYTOONE_CACHE, or one in the user's own cache folder."""
    if named := os.environ.get("MANYTOONE_CACHE"):
        return Path(named).expanduser()
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "manytoone"
    if sys.platform == "win32":
        local = os.environ.get("LOCALAPPDATA")
        return (Path(local) if local else Path.home() / "AppData" / "Local") / "manytoone"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "manytoone"
