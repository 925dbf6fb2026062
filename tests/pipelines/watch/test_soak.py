"""Memory that stays as it is: many thousand frames and words, read one by one."""

import os
import threading
from functools import partial

import numpy as np
import psutil
import pytest

from pipelines.watch import sequences
from tests.clips import write_video
from tests.streams import as_mpegts

MOST_GROWTH_BYTES = 12 * 2**20


class Memory:
    """Resident bytes of this process, at each so many steps."""

    def __init__(self, monkeypatch, every):
        self.bytes: list[int] = []
        read = sequences.Sequences.read

        def measured(own, *args, **options):
            read(own, *args, **options)
            if own.num_read % every == 0:
                self.bytes.append(psutil.Process().memory_info().rss)

        monkeypatch.setattr(sequences.Sequences, "read", measured)

    def assert_flat(self):
        warm = len(self.bytes) // 4
        assert warm >= 2
        assert max(self.bytes[warm:]) - max(self.bytes[:warm]) < MOST_GROWTH_BYTES


def through_a_pipe(path, content, times):
    """Writes the content again and again, from a thread."""
    os.mkfifo(path)

    def write():
        with path.open("wb") as pipe:
            for _ in range(times):
                pipe.write(content)

    writer = threading.Thread(target=write)
    writer.start()
    return writer


@pytest.mark.slow
@pytest.mark.parametrize("options", [[], ["--window_seconds=4", "--stride_seconds=2"]], ids=str)
def test_frames(tmp_path, clip_model, watch, monkeypatch, options):
    ckpt = clip_model()
    chance = np.random.default_rng(0)
    pictures = [chance.integers(0, 255, (48, 64, 3), np.uint8) for _ in range(50)]
    content = as_mpegts(write_video(tmp_path / "a.mp4", pictures))
    memory = Memory(monkeypatch, 500)
    writer = through_a_pipe(tmp_path / "pipe", content, 400)
    code, _, err = watch(ckpt, tmp_path / "pipe", "--every_seconds=100", *options)
    writer.join()
    assert code == 0
    assert "read 20,000 frames in 1 sequences" in err
    memory.assert_flat()


@pytest.mark.slow
@pytest.mark.parametrize("options", [[], ["--window_tokens=100"], ["--reset=tokens=50"]], ids=str)
def test_words(tmp_path, text_model, watch, monkeypatch, options):
    ckpt = text_model()
    memory = Memory(monkeypatch, 2000)
    writer = through_a_pipe(tmp_path / "pipe", b"a fine film and a dull bore\n" * 50, 200)
    run = partial(watch, ckpt, tmp_path / "pipe", "--every_steps=20000", *options)
    code, _, err = run()
    writer.join()
    assert code == 0
    assert "read 70,000 tokens" in err
    memory.assert_flat()
