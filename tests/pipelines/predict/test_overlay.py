"""The clip with its running answer: what it keeps, and what is drawn."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from data.decoding.probe import probe
from data.files.errors import InputError
from pipelines.predict import load, overlay
from pipelines.predict.command import main
from pipelines.predict.overlay import write_overlay
from pipelines.predict.overlay_panel import Panel
from pipelines.predict.predictor import Timeline
from tests.clips import numbered, write_clip, write_video
from tests.odd_clips import join, write_fields, write_streams


def rising(seconds, classes=("first", "second")) -> Timeline:
    """From the first class to the second."""
    shares = np.linspace(0, 1, len(seconds))
    return Timeline(
        np.arange(1, len(seconds) + 1),
        np.asarray(seconds, float),
        np.stack([1 - shares, shares], 1),
        list(classes),
    )


def pictures(path: Path) -> np.ndarray:
    with av.open(str(path)) as container:
        return np.stack([f.to_ndarray(format="rgb24") for f in container.decode(video=0)])


def drawn(clip: Path, timeline: Timeline | None = None) -> Path:
    output = clip.with_name(f"drawn-{clip.stem}.mp4")
    write_overlay(clip, output, timeline or rising(probe(clip).seconds))
    return output


def far(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(T, H, W): where pictures differ by more than coding does."""
    return np.abs(a.astype(int) - b.astype(int)).max(-1) > 40


def test_times_of_a_variable_rate_stay(tmp_path):
    times = [0, 3, 4, 10, 11, 12, 40, 41, 55]
    clip = write_video(tmp_path / "a.mp4", numbered(len(times)), times=times)
    before, after = probe(clip), probe(drawn(clip))
    np.testing.assert_allclose(after.seconds, np.array(times) / 25, atol=1e-9)
    assert after.num_frames == before.num_frames
    # The last is shown for 1/25 s, as in the clip.
    with av.open(str(drawn_path(clip))) as container:
        assert container.duration == 56 * 40_000  # microseconds


@pytest.mark.parametrize("kind", ["joined", "clock set", "fields", "two streams"])
def test_of_odd_clips_every_frame_is_drawn_at_its_time(tmp_path, kind):
    if kind == "joined":
        clip = join(tmp_path / "a.ts", [20, 20], options={"bf": "2"})
    elif kind == "clock set":
        times = [*range(20), *range(10**7, 10**7 + 20)]
        clip = write_video(tmp_path / "a.mkv", numbered(40), times=times)
    elif kind == "fields":
        clip = write_fields(tmp_path / "a.ts", 40)
    else:
        clip = write_streams(
            tmp_path / "a.mp4", [(80, 64), (160, 128)], default=1, lengths=[40, 40]
        )
    before, after = probe(clip), probe(drawn(clip))
    np.testing.assert_allclose(after.seconds, np.arange(40) / 25, atol=1e-3)
    assert (after.width_px, after.height_px) == (before.width_px, before.height_px)


def drawn_path(clip: Path) -> Path:
    return clip.with_name(f"drawn-{clip.stem}.mp4")


@pytest.mark.parametrize(("width", "height"), [(160, 120), (161, 121)])
def test_size_stays_and_only_the_panel_changes(tmp_path, width, height):
    ramp = np.add.outer(np.arange(height), np.arange(width))[:, :, None] // 2
    ramps = ((ramp + 9 * k + np.array([0, 20, 40])).astype(np.uint8) for k in range(5))
    clip = write_video(tmp_path / "a.mp4", ramps, pix_fmt="yuv444p", options={"qp": "0"})
    after = probe(drawn(clip))
    assert (after.width_px, after.height_px) == (width, height)
    panel = Panel(rising([0.0, 1.0]), height=height, width=width)
    differs = far(pictures(clip), pictures(drawn_path(clip))).any(0)
    box = np.s_[
        panel.margin : panel.margin + panel.height, panel.margin : panel.margin + panel.width
    ]
    assert differs[box].mean() > 0.3
    differs[box] = False
    assert not differs.any()


def test_pictures_are_shown_upright(tmp_path):
    picture = np.zeros((48, 80, 3), np.uint8)
    picture[:, 40:] = 200
    clip = write_video(tmp_path / "a.mp4", [picture] * 3, turn_degrees=90)
    shown = probe(drawn(clip))
    assert (shown.width_px, shown.height_px, shown.rotation_degrees) == (48, 80, 0)
    # Turned counterclockwise, what was on the right is on top.
    last = pictures(drawn_path(clip))[-1]
    assert last[:30, -4:].mean() > 180
    assert last[50:].mean() < 20


def test_pixels_that_are_not_square_stay_so(tmp_path):
    clip = write_video(tmp_path / "a.mp4", numbered(3), pixel_aspect=Fraction(4, 3))
    assert probe(drawn(clip)).pixel_aspect == Fraction(4, 3)


def test_colors_stay(tmp_path):
    colors = np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255], [128, 128, 128]], np.uint8)
    picture = np.repeat(np.repeat(colors[None], 120, 0), 40, 1)
    for k, color in enumerate([(1, 1), (1, 2), (5, 1), None]):
        clip = write_video(tmp_path / f"{k}.mp4", [picture] * 2, color=color, options={"qp": "0"})
        before, after = pictures(clip)[0], pictures(drawn(clip))[0]
        off = np.abs(before[100].astype(int) - after[100])[10::40]
        assert off.max() <= 4


def test_a_frame_shows_the_last_step_at_or_before_it(tmp_path):
    clip = write_clip(tmp_path / "a.mp4", num_frames=10, width=160, height=120)
    # Frames 2 and 6 were read.
    timeline = Timeline(
        np.array([1, 2]), np.array([2, 6]) / 25, np.array([[0.0, 1.0], [1.0, 0.0]]), ["a", "b"]
    )
    after = pictures(drawn(clip, timeline))
    panel = Panel(timeline, height=120, width=160)
    shows = [
        [int(far(wanted[None], picture[None]).sum()) for wanted in wanted_of(panel, before)]
        for picture, before in zip(after, pictures(clip), strict=True)
    ]
    assert [int(np.argmin(counts)) for counts in shows] == [2, 2, 0, 0, 0, 0, 1, 1, 1, 1]


def wanted_of(panel: Panel, picture: np.ndarray) -> list[np.ndarray]:
    """With the panel of the first step, of the second, and without."""
    made = []
    for place in (0, 1):
        copy = picture.copy()
        panel.draw(copy, place)
        made.append(copy)
    return [*made, picture]


@pytest.mark.parametrize(("width", "height"), [(16, 16), (64, 48), (320, 240), (1920, 1080)])
def test_panels_fit_into_pictures_of_any_size(width, height):
    classes = [
        "왈츠",
        "a name that is very long, longer than any picture " * 3,
        "c",
        "d",
        "e",
        "\0",
    ]
    shares = np.eye(6)
    timeline = Timeline(np.arange(1, 7), np.arange(6) / 25, shares, classes)
    panel = Panel(timeline, height=height, width=width)
    picture = np.zeros((height, width, 3), np.uint8)
    panel.draw(picture, 0)
    assert picture.any()
    assert panel.margin + panel.height <= height
    assert panel.margin + panel.width <= width
    assert len(panel.shown) <= 4


def test_rows_are_of_the_likeliest_classes():
    shares = np.array([[0.9, 0.0, 0.1, 0, 0, 0], [0.2, 0.6, 0.1, 0.05, 0.03, 0.02]])
    timeline = Timeline(np.array([1, 2]), np.array([0, 1.0]), shares, list("abcdef"))
    panel = Panel(timeline, height=480, width=640)
    assert panel.shown.tolist() == [1, 0, 2, 3]


def test_it_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    clip = write_clip(tmp_path / "a.mp4", num_frames=3)
    output = tmp_path / "out.mp4"
    output.write_bytes(b"mine")
    with pytest.raises(InputError, match="exists already"):
        write_overlay(clip, output, rising([0.0]))
    assert output.read_bytes() == b"mine"
    output.unlink()

    def full(self, frame, place):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(overlay._Drawer, "draw", full)
    with pytest.raises(InputError, match="No space left on device"):
        write_overlay(clip, output, rising([0.0]))
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]


def test_without_the_first_encoder_the_second_is_taken(tmp_path, monkeypatch):
    monkeypatch.delitem(overlay.ENCODERS, "libx264")
    times = [0, 3, 4, 10]
    clip = write_video(tmp_path / "a.mp4", numbered(4), times=times)
    found = probe(drawn(clip))
    assert found.codec == "vp9"
    np.testing.assert_allclose(found.seconds, np.array(times) / 25, atol=1e-9)


def test_the_command_writes_it_beside_its_answer(video_run, tmp_path, capsys):
    clip = video_run / "clips/dark/0.mp4"
    checkpoint = video_run / "runs/video/first/checkpoints/best.ckpt"
    output = tmp_path / "new" / "out.mp4"
    main([f"--ckpt={checkpoint}", f"--input={clip}", f"--overlay={output}"])
    assert capsys.readouterr().out.startswith(load(checkpoint)(clip).label)
    assert probe(output).num_frames == probe(clip).num_frames
