"""Files that ask for more pixels or memory than any real one are refused before these are taken."""

from contextlib import closing

import numpy as np
import pytest

from data.decoding import isolation, opening
from data.decoding.decode import Reading, read_frames
from data.decoding.isolation import Decoder
from data.decoding.probe import UnreadableError, probe
from data.video.scan import probe_files
from tests.clips import numbered, numbers_of, write_video
from tests.peak_memory import peak_mib
from tests.pictures import write_picture
from tests.pixel_bombs import BOMBS

TOO_MANY = "is damaged, or has frames of more than 134 megapixels, which are not read"


def reasons(decoder, path):
    for way in (
        lambda: decoder.probe(path),
        lambda: decoder.read_into(path, lambda: np.empty((16, 16, 3), np.uint8), Reading(16)),
    ):
        with pytest.raises(UnreadableError) as error:
            way()
        yield str(error.value)


@pytest.mark.parametrize("kind", BOMBS)
def test_a_picture_of_few_bytes_and_many_pixels_costs_nothing(tmp_path, kind):
    path = tmp_path / f"a.{kind}"
    # The same file of 64 × 64 px is a picture, as far as it goes.
    path.write_bytes(BOMBS[kind](64))
    with closing(Decoder(pictures=True)) as decoder:
        assert (decoder.probe(path).width_px, decoder.probe(path).height_px) == (64, 64)
        path.write_bytes(BOMBS[kind](16_200))
        assert path.stat().st_size < 480
        for reason in reasons(decoder, path):
            assert reason.startswith(TOO_MANY)
            assert "\n" not in reason
        assert peak_mib(decoder._process.pid) < 150


def test_a_scan_lists_it_beside_others(tmp_path):
    good = write_picture(tmp_path / "good.png")
    (tmp_path / "bad.jpg").write_bytes(BOMBS["jpg"](16_200))
    read, refused = probe_files([good, tmp_path / "bad.jpg"], pictures=True)
    assert read.width_px == 48
    assert refused.startswith(TOO_MANY)


def test_the_size_in_a_header_is_named(tmp_path, monkeypatch):
    path = write_video(tmp_path / "a.mp4", numbered(3))
    monkeypatch.setattr(opening, "MOST_PIXELS", 80 * 64 - 1)
    for way in (lambda: probe(path), lambda: read_frames(path, size_px=16)):
        with pytest.raises(UnreadableError, match="has frames of 80 x 64 px, and at most"):
            way()
    monkeypatch.setattr(opening, "MOST_PIXELS", 80 * 64)
    assert probe(path).num_frames == 3


def test_frames_that_grow_in_the_middle_of_a_file(tmp_path, monkeypatch):
    path = tmp_path / "a.ts"
    pictures = list(numbered(6))
    grown = [np.kron(one, np.ones((4, 4, 1), np.uint8)) for one in pictures]
    parts = [pictures, grown, pictures]
    path.write_bytes(
        b"".join(
            write_video(tmp_path / f"{k}.ts", part, times=range(6 * k, 6 * k + 6)).read_bytes()
            for k, part in enumerate(parts)
        )
    )
    assert len(read_frames(path, size_px=48, fit="stretch").pixels) == 18
    monkeypatch.setattr(opening, "MOST_PIXELS", 80 * 64 * 4)
    read = read_frames(path, size_px=48, fit="stretch", min_share=0.3)
    assert numbers_of(read.pixels) == [*range(6), *range(6)]
    with pytest.raises(UnreadableError, match="only 12 of 18 frames could be decoded"):
        read_frames(path, size_px=48, min_share=0.7)


def test_a_decoder_has_a_limit_to_its_memory(tmp_path, monkeypatch):
    # A few pixels fewer than are refused, of eight bytes each.
    (tmp_path / "large.png").write_bytes(BOMBS["png"](11_000))
    small = write_picture(tmp_path / "small.png")
    monkeypatch.setattr(isolation, "MOST_BYTES", 2**29)
    with closing(Decoder(pictures=True)) as decoder:
        for reason in reasons(decoder, tmp_path / "large.png"):
            assert reason == "needs more memory than a decoder may take"
        assert decoder.probe(small).width_px == 48
