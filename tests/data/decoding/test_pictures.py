"""Pictures as clips of one frame: the formats that are read, turned pictures, and who asks for them."""

import numpy as np
import pytest
from PIL import Image

from data.decoding.decode import Reading
from data.decoding.isolation import Decoder
from data.decoding.probe import UnreadableError, probe
from data.files.cache import cache_folder
from data.video.scan import probe_files
from tests.pictures import quarters, write_picture

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)


@pytest.fixture(scope="module")
def decoder():
    found = Decoder(pictures=True)
    yield found
    found.close()


def corners(decoder, path):
    """Colours of the four quarters, row by row, as they are decoded."""
    frames = []

    def room():
        frames.append(np.empty((32, 32, 3), np.uint8))
        return frames[-1]

    seconds = decoder.read_into(path, room, Reading(32, fit="stretch"))
    assert seconds.tolist() == [0.0]
    return [frames[0][y, x].astype(int) for y in (8, 24) for x in (8, 24)]


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "bmp", "tiff", "gif"])
def test_formats(tmp_path, decoder, suffix):
    path = write_picture(tmp_path / f"a.{suffix}")
    found = decoder.probe(path)
    assert (found.num_frames, found.width_px, found.height_px) == (1, 48, 32)
    np.testing.assert_allclose(corners(decoder, path), [RED, GREEN, BLUE, WHITE], atol=12)


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "CMYK"])
def test_kinds_of_pixels(tmp_path, decoder, mode):
    path = tmp_path / ("a.jpg" if mode == "CMYK" else "a.png")
    Image.fromarray(quarters()).convert(mode).save(path)
    found = corners(decoder, path)
    if mode == "L":
        assert all(np.ptp(one) <= 1 for one in found)
    else:
        np.testing.assert_allclose(found, [RED, GREEN, BLUE, WHITE], atol=12)


@pytest.mark.parametrize(
    ("orientation", "expected"),
    [
        (1, [RED, GREEN, BLUE, WHITE]),
        (3, [WHITE, BLUE, GREEN, RED]),
        (6, [BLUE, RED, WHITE, GREEN]),
        (8, [GREEN, WHITE, RED, BLUE]),
    ],
)
def test_a_turned_picture_is_shown_upright(tmp_path, decoder, orientation, expected):
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = write_picture(tmp_path / "a.jpg", exif=exif, quality=95)
    np.testing.assert_allclose(corners(decoder, path), expected, atol=12)


def test_a_name_is_no_pattern_of_a_sequence(tmp_path, decoder):
    write_picture(tmp_path / "a001.jpg", np.zeros((32, 48, 3), np.uint8))
    path = write_picture(tmp_path / "a%03d.jpg")
    assert decoder.probe(path).num_frames == 1
    np.testing.assert_allclose(corners(decoder, path)[0], RED, atol=12)


def test_who_asks_for_videos_gets_no_picture(tmp_path):
    path = write_picture(tmp_path / "a.png")
    with pytest.raises(UnreadableError, match=r"is a picture \(PNG\) and no video"):
        probe(path)
    assert probe(path, pictures=True).num_frames == 1
    # Each kind of scan has results of its own.
    (read,) = probe_files([path], pictures=True)
    (refused,) = probe_files([path])
    assert read.num_frames == 1
    assert "no video" in refused
    assert cache_folder().is_dir()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 40, "no frame|Invalid"),
        (b"\xff\xd8\xff\xe0" + b"\0" * 40, "no frame|Invalid"),
        (b"\0\0\0\x18ftypheic" + b"\0" * 40, r"of a kind that is not read \(HEIF\)"),
        (b"no picture", "is a text file"),
        (b"", "is empty"),
    ],
)
def test_what_is_no_picture_is_one_line(tmp_path, decoder, content, reason):
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(UnreadableError, match=reason) as error:
        corners(decoder, tmp_path / "a.png")
    assert "\n" not in str(error.value)
