"""A clip, and a decoder of it in a process of its own."""

import pytest

from data.decoding.isolation import Decoder
from tests.clips import write_way


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return write_way(tmp_path_factory.mktemp("clips"), "h264.mp4")


@pytest.fixture
def decoder():
    decoder = Decoder(limit_seconds=30)
    yield decoder
    decoder.close()
