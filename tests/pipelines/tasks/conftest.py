"""Clips, and a count of the frames of them that are encoded."""

import pytest

from models.encoders.frames import SmallCNN
from tests.clips import write_classes


@pytest.fixture
def clips(tmp_path, monkeypatch):
    """A folder of clips, and a cache and a folder for runs of the test's own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MANYTOONE_CACHE", str(tmp_path / "cache"))
    return write_classes(tmp_path / "clips")


@pytest.fixture
def encoded(monkeypatch):
    """Counts the frames that are encoded."""
    counted = [0]
    encode = SmallCNN.encode

    def watched(self, frames):
        counted[0] += len(frames)
        return encode(self, frames)

    monkeypatch.setattr(SmallCNN, "encode", watched)
    return counted
