"""Files of `torch.save` that are not as they were written."""

import random

import pytest
import torch

from data.files.checkpoint import CHECKPOINT_KEY, DamagedError, check_archive, read_saved
from data.files.errors import InputError

WEIGHTS = {f"layer.{k}": torch.arange(40.0).view(5, 8) * (k + 1) for k in range(3)}


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "a.ckpt"
    torch.save({"state_dict": WEIGHTS, CHECKPOINT_KEY: {"task": "video"}}, path)
    return path


def read(path):
    """The weights, or None where the file is refused in one line."""
    line = ""
    try:
        return read_saved(path).weights
    except InputError as error:
        line = str(error)
    assert "\n" not in line
    assert "weights_only" not in line
    return None


def is_unharmed(weights):
    return weights.keys() == WEIGHTS.keys() and all(
        torch.equal(value, WEIGHTS[name]) for name, value in weights.items()
    )


def test_what_is_whole_is_read(path):
    check_archive(path)
    assert is_unharmed(read(path))


def test_no_flipped_bit_gives_another_answer(path):
    content = path.read_bytes()
    chance = random.Random(0)
    num_refused = 0
    for place in range(0, len(content), 7):
        flipped = bytearray(content)
        flipped[place] ^= 1 << chance.randrange(8)
        path.write_bytes(flipped)
        weights = read(path)
        num_refused += weights is None
        # Times and the padding between records tell nothing.
        assert weights is None or is_unharmed(weights)
    assert num_refused > 0.3 * len(range(0, len(content), 7))


@pytest.mark.parametrize("name", [*WEIGHTS])
def test_every_flipped_bit_of_a_weight_is_told(path, name):
    content = path.read_bytes()
    bytes_ = WEIGHTS[name].numpy().tobytes()
    start = content.index(bytes_)
    for place in range(start, start + len(bytes_)):
        flipped = bytearray(content)
        flipped[place] ^= 1 << place % 8
        path.write_bytes(flipped)
        with pytest.raises(InputError, match="is not as it was written"):
            read_saved(path)


def test_a_file_that_is_cut_off_or_longer_is_refused(path):
    content = path.read_bytes()
    for size in [*range(0, len(content), 97), len(content) - 1]:
        path.write_bytes(content[:size])
        assert read(path) is None
    for more in (b"\0", b"\n", b"\0" * 5000, content):
        path.write_bytes(content + more)
        assert read(path) is None
        path.write_bytes(more + content)
        assert read(path) is None


def test_what_is_no_archive_is_told(tmp_path):
    for content in (b"", b"PK", b"PK\3\4", b"PK\5\6" + b"\0" * 18, b"<html>" * 100):
        path = tmp_path / "a.ckpt"
        path.write_bytes(content)
        with pytest.raises(DamagedError):
            check_archive(path)
    with pytest.raises(DamagedError, match="directory"):
        check_archive(tmp_path)
