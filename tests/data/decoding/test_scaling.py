import sys
from fractions import Fraction

import av
import numpy as np
import pytest
from av.video.reformatter import ColorRange, Colorspace

from data.decoding.decode import read_frames
from data.decoding.scaling import FrameScaler
from tests.clips import write_video

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)
GREY, BLACK = (128, 128, 128), (0, 0, 0)


def quarters(height=96, width=96):
    """Red and green above blue and white."""
    picture = np.empty((height, width, 3), np.uint8)
    for k, color in enumerate((RED, GREEN, BLUE, WHITE)):
        rows = slice(height // 2, None) if k // 2 else slice(height // 2)
        columns = slice(width // 2, None) if k % 2 else slice(width // 2)
        picture[rows, columns] = color
    return picture


def corners(pixels):
    """Names of the colours in the middles of the quarters of (3, S, S), row by row."""
    near, far = pixels.shape[1] // 4, pixels.shape[1] * 3 // 4
    names = {"red": RED, "green": GREEN, "blue": BLUE, "white": WHITE, "black": BLACK}
    found = []
    for row in (near, far):
        for column in (near, far):
            off = {
                name: np.abs(pixels[:, row, column].astype(int) - color).max()
                for name, color in names.items()
            }
            name = min(off, key=lambda name: off[name])
            assert off[name] <= 12, pixels[:, row, column]
            found.append(name)
    return found


def square_of(picture, size_px=48, *, pixel_format="rgb24", **options):
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
    if pixel_format != "rgb24":
        frame = frame.reformat(format=pixel_format)
    square = np.full((size_px, size_px, 3), 77, np.uint8)
    FrameScaler(size_px=size_px, **options)(frame, square)
    return square


def gradient(height, width, axis):
    """Brightness goes from 0 to 255 along an axis."""
    ramp = np.linspace(0, 255, (height, width)[axis])
    plane = np.broadcast_to(np.expand_dims(ramp, 1 - axis), (height, width))
    return np.repeat(plane[..., None], 3, 2).round().astype(np.uint8)


@pytest.mark.parametrize("pixel_format", ["rgb24", "yuv420p", "yuv444p"])
@pytest.mark.parametrize(("height", "width"), [(60, 120), (61, 121), (120, 60), (121, 61)])
def test_crop_is_the_middle_and_stretch_all_of_it(height, width, pixel_format):
    axis = int(width > height)
    picture = gradient(height, width, axis)
    for fit, first in (("crop", 255 / 4), ("stretch", 0)):
        square = square_of(picture, 40, fit=fit, pixel_format=pixel_format).mean(2)
        line = square.mean(1 - axis)
        # Half of the longer side is shown, or all of it; a pixel shows the middle of its stretch.
        step = (255 - 2 * first) / 40
        np.testing.assert_allclose(line, first + (np.arange(40) + 0.5) * step, atol=4)
        assert square.std(1 - axis).max() < 3


@pytest.mark.parametrize("pixel_format", ["rgb24", "yuv420p"])
@pytest.mark.parametrize(
    ("height", "width", "rows", "columns"),
    [
        (60, 120, (10, 30), (0, 40)),
        (120, 60, (0, 40), (10, 30)),
        (30, 120, (15, 25), (0, 40)),
        (97, 97, (0, 40), (0, 40)),
        # 40 x 41 / 121 is 13.55: 14 lines, 13 of the 26 others above them.
        (41, 121, (13, 27), (0, 40)),
    ],
)
def test_letterbox_shows_all_between_black_bars(height, width, rows, columns, pixel_format):
    picture = np.full((height, width, 3), 200, np.uint8)
    square = square_of(picture, 40, fit="letterbox", pixel_format=pixel_format)
    shown = np.zeros((40, 40), bool)
    shown[slice(*rows), slice(*columns)] = True
    assert square[~shown].max(initial=0) == 0
    assert np.abs(square[shown].astype(int) - 200).max() <= 3


@pytest.mark.parametrize("fit", ["crop", "letterbox", "stretch"])
@pytest.mark.parametrize("pixel_format", ["rgb24", "yuv420p", "yuv444p", "gray"])
@pytest.mark.parametrize(("height", "width"), [(1, 1), (2, 300), (300, 2), (1, 2000), (3, 3)])
def test_tiny_and_narrow_frames(height, width, pixel_format, fit):
    picture = np.full((height, width, 3), 128, np.uint8)
    square = square_of(picture, 32, pixel_format=pixel_format, fit=fit)
    boxed = fit == "letterbox" and height != width
    # An area thinner than a pixel still takes one: the sixteenth of 32.
    shown = square[15, 15] if boxed else square
    assert np.abs(shown.astype(int) - 128).max() <= 3
    assert (square > 0).all(2).sum() == (32 if boxed else 32 * 32)


def test_area_averages_lines_that_are_finer_than_a_pixel():
    """Sampling four places of lines a third of a pixel wide would give a pattern."""
    picture = np.zeros((96, 96, 3), np.uint8)
    picture[:, ::3] = 240
    area, bilinear, fast = (
        square_of(picture, 32, interpolation=how, pixel_format="yuv444p").astype(int)
        for how in ("area", "bilinear", "fast")
    )
    for even in (area, bilinear):
        assert np.abs(even[:, 2:-2] - 80).max() <= 3
    assert np.abs(fast[:, 2:-2] - 80).max() > 60


@pytest.mark.parametrize(
    ("aspect", "height", "width"),
    [(Fraction(2), 64, 64), (Fraction(1, 2), 64, 64), (Fraction(16, 11), 64, 88)],
)
def test_pixels_that_are_not_square_are_made_so(tmp_path, aspect, height, width):
    """A disc of the display, squeezed into pixels of another shape, comes out round."""
    rows, columns = np.mgrid[:height, :width] + 0.5
    across = (columns - width / 2) * float(aspect)
    down = rows - height / 2
    radius = min(width * float(aspect), height) * 0.4
    picture = np.where((across**2 + down**2 < radius**2)[..., None], 255, 0)
    picture = np.repeat(picture, 3, 2).astype(np.uint8)
    path = write_video(tmp_path / "disc.mp4", [picture] * 2, pixel_aspect=aspect)
    for fit, radius_px in (("crop", 0.4 * 80), ("letterbox", None)):
        disc = read_frames(path, size_px=80, fit=fit).pixels[0].mean(0) > 127
        wide, high = disc.any(0).sum(), disc.any(1).sum()
        assert abs(int(wide) - int(high)) <= 2
        if radius_px is not None:
            assert abs(wide - 2 * radius_px) <= 2


@pytest.mark.parametrize("fit", ["crop", "letterbox", "stretch"])
@pytest.mark.parametrize(
    ("turn", "mirrored", "shown"),
    [
        (0, False, ["red", "green", "blue", "white"]),
        # Counterclockwise, as PyAV counts.
        (90, False, ["green", "white", "red", "blue"]),
        (180, False, ["white", "blue", "green", "red"]),
        (270, False, ["blue", "red", "white", "green"]),
        (0, True, ["green", "red", "white", "blue"]),
    ],
)
def test_what_a_player_turns_is_turned(tmp_path, fit, turn, mirrored, shown):
    path = write_video(
        tmp_path / "clip.mp4", [quarters()] * 2, turn_degrees=turn, mirrored=mirrored
    )
    for picture in read_frames(path, size_px=32, fit=fit).pixels:
        assert corners(picture) == shown


def test_a_turned_picture_is_cut_and_boxed_as_it_is_shown(tmp_path):
    """Wide as it is stored, with a red left end; high as it is shown, with a red lower end."""
    picture = np.full((48, 96, 3), 128, np.uint8)
    picture[:, :24] = RED
    path = write_video(tmp_path / "clip.mp4", [picture], turn_degrees=90)
    boxed = read_frames(path, size_px=48, fit="letterbox").pixels[0]
    assert boxed[:, :, :12].max() == boxed[:, :, -12:].max() == 0
    assert boxed[0, 40:, 14:34].min() > 240
    assert np.abs(boxed[:, :32, 14:34].astype(int) - 128).max() < 8
    cut = read_frames(path, size_px=48, fit="crop").pixels[0]
    assert np.abs(cut[:, 2:-4].astype(int) - 128).max() < 8


@pytest.mark.parametrize("space", [Colorspace.ITU601, Colorspace.ITU709])
@pytest.mark.parametrize("extent", [ColorRange.MPEG, ColorRange.JPEG])
def test_coefficients_and_range_that_the_file_names(tmp_path, space, extent):
    path = write_video(
        tmp_path / "clip.mp4",
        [patches()],
        color=(int(space), int(extent)),
        options={"qp": "0"},
    )
    with av.open(str(path)) as container:
        frame = next(container.decode(video=0))
        assert (frame.colorspace, frame.color_range) == (space, extent)
    assert_patches(path, atol=3)


@pytest.mark.parametrize(
    ("codec", "pix_fmt", "atol"),
    [
        ("libx264", "yuv420p", 3),
        ("libx264", "yuv444p", 3),
        ("libx264", "yuv420p10le", 3),
        ("libx265", "yuv420p10le", 3),
        ("libx264rgb", "rgb24", 0),
        ("ffv1", "bgr0", 0),
        ("ffv1", "yuv422p", 4),
        ("mjpeg", "yuvj420p", 4),
    ],
)
def test_kinds_of_pixels(tmp_path, codec, pix_fmt, atol):
    if codec not in av.codecs_available:
        pytest.skip(f"this PyAV has no encoder {codec}")
    options = {
        "libx265": {"x265-params": "log-level=none:lossless=1:pools=1:frame-threads=1:bframes=0"},
        "mjpeg": {"q:v": "2"},
        "ffv1": {},
    }.get(codec, {"qp": "0"})
    path = write_video(
        tmp_path / "clip.mkv", [patches()] * 2, codec=codec, pix_fmt=pix_fmt, options=options
    )
    assert_patches(path, atol=atol)


def patches():
    return np.repeat(
        np.repeat(np.array([[RED, GREEN, BLUE, WHITE, BLACK, GREY]], np.uint8), 64, 0), 16, 1
    )


def assert_patches(path, *, atol):
    picture = read_frames(path, size_px=96, fit="stretch").pixels[0]
    for k, color in enumerate((RED, GREEN, BLUE, WHITE, BLACK, GREY)):
        patch = picture[:, 8:-8, 16 * k + 6 : 16 * k + 10].astype(int)
        assert np.abs(patch - np.array(color)[:, None, None]).max() <= atol


def test_a_size_that_changes_makes_another_plan():
    scaler = FrameScaler(size_px=32, fit="letterbox")
    square = np.empty((32, 32, 3), np.uint8)
    for height, width in ((48, 96), (96, 48), (48, 96)):
        picture = np.full((height, width, 3), 200, np.uint8)
        scaler(av.VideoFrame.from_ndarray(picture, format="rgb24"), square)
        bars = square[[0, -1]] if width > height else square[:, [0, -1]]
        assert bars.max() == 0
        assert np.abs(square[12:20, 12:20].astype(int) - 200).max() <= 3


@pytest.mark.parametrize("pixel_format", ["yuv420p", "rgb24"])
def test_no_reference_to_a_frame_is_kept(pixel_format):
    """Frames own buffers of the decoder, which it would have to make anew."""
    scaler = FrameScaler(size_px=16)
    square = np.empty((16, 16, 3), np.uint8)
    # The first one, whose display matrix is looked at, and its side data refer to each other.
    scaler(av.VideoFrame(64, 48, pixel_format), square)
    frame = av.VideoFrame(64, 48, pixel_format)
    before = sys.getrefcount(frame)
    scaler(frame, square)
    assert sys.getrefcount(frame) == before
