"""A decoder in a process of its own, and one in this process to compare it with."""

import time
from pathlib import Path

import numpy as np

from data.decoding.decode import Reading, read_frames

HOW = Reading(32, "stretch")


def read(decoder, path, how=HOW, **options):
    frames = []

    def room():
        frames.append(np.empty((how.size_px, how.size_px, 3), np.uint8))
        return frames[-1]

    seconds = decoder.read_into(path, room, how, **options)
    return np.stack(frames).transpose(0, 3, 1, 2), seconds


def in_process(path, how=HOW, **options):
    return read_frames(path, **options, **how._asdict())


def assert_same(decoder, path, how=HOW, **options):
    (pixels, seconds), whole = read(decoder, path, how, **options), in_process(path, how, **options)
    np.testing.assert_array_equal(pixels, whole.pixels)
    np.testing.assert_array_equal(seconds, whole.seconds)


def is_alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_until(holds, seconds=20.0):
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.01)
