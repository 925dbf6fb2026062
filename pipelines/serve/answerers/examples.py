"""Built-in examples to try a model with that was trained on embedded data, none of them learnt from."""

from functools import lru_cache
from io import BytesIO

import numpy as np

from data.examples import scenes
from data.examples.embedded import clip_seed, write_clip
from data.examples.motions import CLASSES, render_clip
from data.examples.phrases import phrase_pairs

#: number of different clips
NUM_CLIPS = 24
REVIEWS = (
    "I expected little, and the first half hour is slow and rather dull. But then the film finds its"
    " heart: the two leads are wonderful together, and the ending moved me to tears. A lovely surprise.",
    "Great actors, a famous director, beautiful pictures, and still it is a waste of two hours. The plot"
    " makes no sense and the jokes are awful.",
    "Not bad at all! It is no masterpiece, but I laughed a lot and I would watch it again.",
)
_NUM_PHRASES = 6
# The place of the test part among those of the embedded scenes.
_TEST = 2


def phrases() -> tuple[str, ...]:
    """Dates, times and amounts of the test part."""
    tested = [pair.source for pair in phrase_pairs() if pair.part == "test"]
    return tuple(tested[:: max(len(tested) // _NUM_PHRASES, 1)][:_NUM_PHRASES])


@lru_cache(maxsize=NUM_CLIPS)
def motion(number: int) -> bytes:
    """A clip of a motion, as a file."""
    # Neighbours are not the two directions of one motion.
    number = (number * 5) % NUM_CLIPS
    label = CLASSES[number % len(CLASSES)]
    return _coded(render_clip(label, clip_seed("test", label, number)))


@lru_cache(maxsize=NUM_CLIPS)
def scene(number: int) -> bytes:
    """A clip of shapes that move, as a file."""
    seed = np.random.SeedSequence(scenes.SEED, spawn_key=(_TEST, number))
    generator = np.random.default_rng(seed)
    return _coded(scenes.render_scene(scenes.draw_scene(generator), generator))


def _coded(frames: np.ndarray) -> bytes:
    file = BytesIO()
    write_clip(frames, file)
    return file.getvalue()
