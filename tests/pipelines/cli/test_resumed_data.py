"""A run goes on with the data that it began with, or not at all."""

import pytest

from pipelines.cli.training import train
from tests.clips import write_classes, write_clip
from tests.pipelines.conftest import LANGUAGE, SENTIMENT, VIDEO, write_reviews


def refused(capsys, run):
    with pytest.raises(SystemExit) as caught:
        run()
    assert caught.value.code == 2
    return capsys.readouterr().err


def test_texts_that_changed(in_folder, capsys):
    table = write_reviews(in_folder / "x.csv", count=12)
    options = ["--data.path=x.csv", *SENTIMENT, "--trainer.max_epochs=1"]
    train("sentiment", [*options, "--run=first"])
    resumed = [*options, "--ckpt_path=runs/sentiment/first/checkpoints/last.ckpt", "--run=second"]
    table.write_text(table.read_text() + "another number number number,negative\n")
    assert "(other" in refused(capsys, lambda: train("sentiment", resumed))


def test_clips_that_changed(in_folder, capsys):
    write_classes(in_folder / "clips")
    options = ["--data.path=clips", *VIDEO, "--trainer.max_epochs=1"]
    train("video", [*options, "--run=first"])
    resumed = [*options, "--ckpt_path=runs/video/first/checkpoints/last.ckpt", "--run=second"]
    write_clip(in_folder / "clips" / "dark" / "0.mp4", num_frames=3)
    assert "(other parts)" in refused(capsys, lambda: train("video", resumed))


def test_running_text_that_changed(in_folder, capsys):
    text = in_folder / "x.txt"
    text.write_text("one two three four five " * 60)
    options = ["--data.path=x.txt", *LANGUAGE]
    train("language", [*options, "--run=first"])
    resumed = [*options, "--ckpt_path=runs/language/first/checkpoints/last.ckpt", "--run=second"]
    text.write_text("six " + text.read_text())
    assert "(other vocabulary and parts)" in refused(capsys, lambda: train("language", resumed))
