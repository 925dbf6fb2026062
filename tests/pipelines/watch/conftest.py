"""Watching in this process, and saved models to watch by."""

import json
from pathlib import Path

import pytest

from pipelines.watch import command
from tests.pipelines.saved_models import (
    about_clips,
    captions_model,
    sentiment_model,
    tokenizer,
    video_model,
    write_saved,
)


@pytest.fixture
def watch(capsys, caplog):
    """Runs the command; its exit code, the objects that it printed, and what it said beside them."""

    def watch(ckpt, source, *options, format="json"):
        code = 0
        try:
            command.main([f"--ckpt={ckpt}", f"--source={source}", f"--format={format}", *options])
        except SystemExit as left:
            code = left.code
        out, err = capsys.readouterr()
        err += caplog.text
        caplog.clear()
        lines = out.splitlines()
        return code, [json.loads(line) for line in lines] if format == "json" else lines, err

    return watch


@pytest.fixture
def clip_model(tmp_path):
    """Writes a classifier of clips."""

    def write(*, frames="all", max_frames=None, **options) -> Path:
        about = about_clips(frames=frames, max_frames=max_frames)
        write_saved(tmp_path / "v.ckpt", "video", model=video_model(**options), inputs=about)
        return tmp_path / "v.ckpt"

    return write


@pytest.fixture
def text_model(tmp_path):
    """Writes a classifier of texts."""

    def write(**options) -> Path:
        write_saved(tmp_path / "t.ckpt", model=sentiment_model(**options))
        return tmp_path / "t.ckpt"

    return write


@pytest.fixture
def captioner(tmp_path):
    """Writes a captioner."""
    about = about_clips() | {"tokenizer": tokenizer(has_end=True).to_str()}
    write_saved(tmp_path / "c.ckpt", "captions", model=captions_model(), inputs=about)
    return tmp_path / "c.ckpt"
