"""Where generated and downloaded files go."""

import os
import sys
from pathlib import Path


def cache_folder() -> Path:
    """Where generated and downloaded files go: $MANYTOONE_CACHE, or the user's cache folder."""
    if named := os.environ.get("MANYTOONE_CACHE"):
        return Path(named).expanduser()
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "manytoone"
    if sys.platform == "win32":
        local = os.environ.get("LOCALAPPDATA")
        return (Path(local) if local else Path.home() / "AppData" / "Local") / "manytoone"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "manytoone"
