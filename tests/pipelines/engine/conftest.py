"""Small saved models and inputs, and the command in this process."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from pipelines.engine import command
from tests.pipelines.saved_models import CLASSES, video_model, write_saved

WORDS = ("fine", "lovely", "poor", "dull", "great", "awful")
# Every tenth text is missing, and every tenth is blank.
NUM_TEXTS, NUM_BAD = 95, 19


def text_of(k):
    if k % 10 == 3:
        return None
    return " " if k % 10 == 7 else f"a {WORDS[k % 6]} film {'and so on ' * (k % 4)}"


@pytest.fixture(autouse=True)
def _as_before():
    """The command has numbers close to 0 be 0 in its process, and sets the threads."""
    threads = torch.get_num_threads()
    yield
    torch.set_flush_denormal(False)
    torch.set_num_threads(threads)


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder with a.ckpt, texts.parquet of 95 rows in groups of 13, and room for answers."""
    monkeypatch.chdir(tmp_path)
    write_saved(tmp_path / "a.ckpt")
    texts = [text_of(k) for k in range(NUM_TEXTS)]
    table = pa.table({"text": texts, "id": [7 * k for k in range(NUM_TEXTS)]})
    pq.write_table(table, tmp_path / "texts.parquet", row_group_size=13)
    return tmp_path


def write_video_model(path):
    inputs = {"classes": CLASSES, "size_px": 16}
    write_saved(path, "video", model=video_model(), inputs=inputs)


def many(*options, ckpt="a.ckpt", input="texts.parquet", output="out"):
    """Exit code of the command."""
    try:
        command.main([f"--ckpt={ckpt}", f"--input={input}", f"--output={output}", *options])
    except SystemExit as end:
        return end.code
    return 0


def answers(folder="out"):
    """All rows of a folder of answers."""
    return pq.read_table(folder)
