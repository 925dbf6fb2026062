"""A page as a browser shows it."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

NAMES = ("chromium", "chromium-browser", "chromium-headless-shell", "google-chrome")
BROWSER = next(filter(None, map(shutil.which, NAMES)), None)
needs_browser = pytest.mark.skipif(BROWSER is None, reason="no Chromium or Chrome is installed")


def assert_is_shown(page: Path, folder: Path, *, width_px: int) -> None:
    """There are text and pictures down the page, and a margin at its right that nothing runs across."""
    picture = folder / "page.png"
    options = [
        "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run",
        f"--user-data-dir={folder / 'profile'}", f"--window-size={width_px},3000",
    ]  # fmt: skip
    subprocess.run(
        [BROWSER, *options, f"--screenshot={picture}", page.resolve().as_uri()],
        check=True, capture_output=True, timeout=120,
    )  # fmt: skip
    pixels = np.asarray(Image.open(picture).convert("L"))
    assert (pixels[:500].std(1) > 5).mean() > 0.2
    assert pixels[:, -8:].std(1).max() < 5
