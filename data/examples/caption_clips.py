"""Clips of the embedded example of captions, written as H.264 the first time and kept in the cache."""

import csv
import hashlib
import json
from pathlib import Path

import numpy as np
from tqdm import tqdm

from data.examples import scenes
from data.examples.embedded import ENCODER_OPTIONS, write_clip
from data.files.atomic_write import folder_made_once
from data.files.cache import cache_folder

# Raise it when `data.examples.scenes` or the encoding gives other clips or sentences.
_VERSION = 2


def caption_example(
    cache: Path | None = None,
    *,
    sizes: dict[str, int] | None = None,
    show_progress: bool = True,
) -> Path:
    """Write the example clips, unless they exist already.

    Args:
        cache: parent folder of the example; None is `cache_folder()`.
        sizes: scenes of each part, each of which gives two clips; None: `scenes.SIZES`.
        show_progress: draw a progress bar while writing.

    Returns:
        The list `captions.csv` with the columns path (relative to its folder), caption and split,
        three rows a clip.

    Raises:
        OSError: the folder cannot be written.
    """
    sizes = sizes or scenes.SIZES
    parameters = [sizes, scenes.SEED, ENCODER_OPTIONS]
    digest = hashlib.sha256(json.dumps(parameters, sort_keys=True).encode()).hexdigest()[:8]
    folder = (cache or cache_folder()) / f"caption-example-{_VERSION}-{digest}"
    folder_made_once(
        folder, lambda place: _write(place, sizes, show_progress), complete="captions.csv"
    )
    return folder / "captions.csv"


def _write(folder: Path, sizes: dict[str, int], show_progress: bool) -> None:
    rows = []
    with tqdm(
        total=2 * sum(sizes.values()), desc="Writing the example clips", unit="clip",
        disable=not show_progress,
    ) as bar:  # fmt: skip
        for place, (split, count) in enumerate(sizes.items()):
            (folder / split).mkdir(parents=True)
            for index in range(count):
                seed = np.random.SeedSequence(scenes.SEED, spawn_key=(place, index))
                generator = np.random.default_rng(seed)
                scene = scenes.draw_scene(generator)
                frames = scenes.render_scene(scene, generator)
                for name, one, shown in (
                    ("a", scene, frames),
                    ("b", scene.reverse, frames[::-1]),
                ):
                    path = f"{split}/{index:04d}{name}.mp4"
                    write_clip(shown, folder / path)
                    rows += [(path, sentence, split) for sentence in one.sentences]
                    bar.update()
    with (folder / "captions.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("path", "caption", "split"))
        writer.writerows(rows)
