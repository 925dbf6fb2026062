"""Options and sources that cannot be met: one line, exit code 2."""

import pytest

from data.files.errors import InputError
from data.streams.address import address_of
from pipelines.watch.resets import parse_resets
from tests.clips import write_clip
from tests.pipelines.saved_models import language_model, part, translation_model, write_saved


@pytest.fixture
def clip(tmp_path):
    return write_clip(tmp_path / "a.mp4", num_frames=3)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--every_seconds=0"], "--every_seconds=0.0: a number above 0"),
        (["--window_seconds=-1"], "--window_seconds=-1.0: a number above 0"),
        (["--stride_seconds=1"], "add --window_seconds"),
        (["--reset=often"], "--reset=often: allowed are seconds=60, quiet=5"),
        (["--reset=line"], "--reset=line: allowed are"),
        (["--reset=seconds=nan"], "--reset=seconds=nan: allowed are"),
        (["--window_tokens=5"], "--window_tokens: CKPT is a model for clips"),
        (["--overlay=a.avi"], "allowed are files ending in .mp4"),
        (["--quiet_level=300"], "--quiet_level=300.0: allowed are numbers from 0 to 255"),
        (["--reopen=-1"], "--reopen=-1: 0 or more"),
        (["--timeout=3"], "--timeout: no such option"),
        (["--format=csv"], "--format=csv: give 'text' or 'json'"),
    ],
)
def test_a_wrong_option(clip, clip_model, watch, options, says):
    code, found, err = watch(clip_model(), clip, *options)
    assert (code, found) == (2, [])
    assert says in err
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("missing.mp4", "no such file"),
        ("camera:x", "a camera has a number"),
        ("camera:987", "there is no /dev/video987"),
        ("udp://127.0.0.1:1", "udp:// is not read"),
        ("file:///etc/hostname", "file:// is not read"),
        ("concat:a|b", "no such file"),
        ("http:///clip", "is no address of a server"),
        ("http://127.0.0.1:1/a b", "is no address of a server"),
        ("http://127.0.0.1:1/", "onnection refused"),
        ("rtsp://127.0.0.1:1/", "onnection refused"),
        ("", "SOURCE is missing"),
    ],
)
def test_a_source_that_cannot_be_opened(clip_model, watch, source, says):
    code, found, err = watch(clip_model(), source)
    assert (code, found) == (2, [])
    assert says in err
    assert len(err.splitlines()) == 1


def test_a_model_that_looks_ahead_is_offered_a_window(
    tmp_path, clip, clip_model, text_model, watch
):
    both = part("LSTM", hidden_size=3, bidirectional=True)
    (tmp_path / "a.txt").write_text("a film")
    for ckpt, source, offer in (
        (clip_model(recurrence=both), clip, "--window_seconds=10"),
        (clip_model(inputs=part("StepInputs", center=True)), clip, "--window_seconds=10"),
        (text_model(recurrence=both), tmp_path / "a.txt", "--window_tokens=200"),
    ):
        code, _, err = watch(ckpt, source)
        assert code == 2
        assert "the model looks ahead" in err
        assert offer in err


def test_a_captioner_is_offered_a_window(clip, captioner, watch):
    code, _, err = watch(captioner, clip)
    assert code == 2
    assert "--window_seconds=10" in err
    code, _, err = watch(captioner, clip, "--window_seconds=1", "--overlay=a.mp4")
    assert (code, "--overlay draws classes" in err) == (2, True)


def test_frames_of_a_whole_clip_are_refused(clip, clip_model, watch):
    code, _, err = watch(clip_model(frames="count=8"), clip)
    assert code == 2
    assert "count=8, frames that divide a whole clip" in err


def test_models_without_a_running_answer(tmp_path, clip, watch):
    write_saved(tmp_path / "l.ckpt", "language", model=language_model())
    write_saved(tmp_path / "t.ckpt", "translation", model=translation_model())
    for name in ("language", "translation"):
        code, _, err = watch(tmp_path / f"{name[0]}.ckpt", clip)
        assert code == 2
        assert f"a model for {name} has no running answer" in err


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("rtsp://127.0.0.1:1/", "is a source of video, and CKPT is a model for texts"),
        ("missing.txt", "no such file"),
    ],
)
def test_sources_of_texts(text_model, watch, source, says):
    code, _, err = watch(text_model(), source)
    assert (code, says in err) == (2, True)


def test_kinds_of_sources(tmp_path):
    (tmp_path / "camera:0").touch()
    assert address_of(str(tmp_path / "camera:0")).kind == "file"
    assert address_of("camera:2").target == "/dev/video2"
    assert address_of("RTSPS://host/a").kind == "rtsp"
    assert address_of("https://me:secret@host/a").name == "SOURCE=https://me:…@host/a"
    assert [address_of(one).kind for one in ("-", "a.mp4")] == ["pipe", "file"]


def test_resets_with_commas():
    assert parse_resets("seconds=60, quiet=5", allowed=("seconds", "quiet")) == (60, 5, None, False)
    with pytest.raises(InputError, match="allowed are line"):
        parse_resets("line,line", allowed=("line",))
