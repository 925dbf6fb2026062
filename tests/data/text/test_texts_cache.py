"""Cache of texts on disk between runs, and memory use."""

import csv
import json
import subprocess
import sys

import numpy as np
import pytest
from tokenizers import Tokenizer

from data.text.data_module import TextDataModule
from data.tokens.vocabulary import learn_tokenizer
from tests import ROOT

RUN = """
import json, sys
from tests.data.text.test_texts_cache import read
print(json.dumps(read(sys.argv[1])))
"""


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("MANYTOONE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def read(path, **options):
    """Rows, lengths and tokens of each part."""
    data = TextDataModule(path=str(path), **options)
    return {
        name: [
            part.ids.tolist(),
            part.lengths.tolist(),
            part.__getitems__(range(len(part))).steps.tolist(),
        ]
        for name, part in data.parts.items()
    }


def files_in(cache):
    return {path: path.stat().st_mtime_ns for path in cache.rglob("*") if path.is_file()}


def content(count=40):
    lines = [f"film {k} is {'good' if k % 2 else 'bad'},{k % 2}" for k in range(count)]
    return "text,label\n" + "\n".join(lines)


def test_a_later_run_reads_what_is_kept(tmp_path, cache):
    path = tmp_path / "x.csv"
    path.write_text(content())
    first, files = read(path), files_in(cache)
    kinds = sorted((file.parent.name, file.suffix) for file in files)
    # The table, its tokens, what tells twins; and the tokenizer.
    assert kinds == [("tables", ".arrow")] * 3 + [("tokenizers", ".json")]
    # Written anew, or elsewhere, with the same content.
    path.unlink()
    path.write_text(content())
    assert read(path) == first
    (tmp_path / "other").mkdir()
    path = path.rename(tmp_path / "other" / "y.csv")
    assert read(path) == first
    done = subprocess.run(
        [sys.executable, "-c", RUN, str(path)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout) == first
    assert files_in(cache) == files


def test_a_folder_of_texts_is_kept_too(tmp_path, cache):
    for k in range(40):
        file = tmp_path / "texts" / "ab"[k % 2] / f"{k}.txt"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"film {k}")
    first, files = read(tmp_path / "texts"), files_in(cache)
    assert read(tmp_path / "texts") == first
    assert files_in(cache) == files
    file.write_text("another film 39")
    assert sum(sum(of[1]) for of in read(tmp_path / "texts").values()) == 81


def test_other_texts_options_and_tokenizers_are_not_mixed_up(tmp_path, cache):
    path = tmp_path / "x.csv"
    path.write_text(content())
    first, files = read(path), files_in(cache)
    path.write_text(content().replace("film 0 is", "film 0 was"))
    other = read(path)
    assert other != first
    assert files.items() <= files_in(cache).items()
    letters = read(path, tokenizer="characters")
    row = letters["train"][0][0]
    text = content().replace("film 0 is", "film 0 was").splitlines()[1 + row].split(",")[0]
    assert letters["train"][1][0] == len(text)
    assert read(path, seed=1)["train"][0] != other["train"][0]
    assert read(path) == other


def test_what_is_kept_goes_by_the_version_of_the_code_that_makes_it(tmp_path, cache, monkeypatch):
    (tmp_path / "x.csv").write_text(content())
    _ = read(tmp_path / "x.csv")
    files = files_in(cache)
    monkeypatch.setattr("data.tokens.tokenizing._VERSIONS", ("another",))
    _ = read(tmp_path / "x.csv")
    assert len(files_in(cache)) == len(files) + 3


def test_a_tokenizer_that_is_set_is_taken_and_none_is_learnt(tmp_path, cache):
    (tmp_path / "x.csv").write_text(content())
    given = learn_tokenizer(["good bad"], kind="words", vocabulary_size=10, min_frequency=1)
    data = TextDataModule(path=str(tmp_path / "x.csv"))
    data.tokenizer = given
    assert data.num_tokens == 3
    part = data.parts["train"]
    assert part.__getitems__([0]).steps.tolist() == given.encode(part.sources([0])[0]).ids
    # "film", the number and "is" are unknown, "good" or "bad" is not.
    assert data.notes()["unknown_share"]["test"] == pytest.approx(0.75)
    assert not (cache / "tokenizers").exists()


# On one core PyTorch finds two workers too many.
@pytest.mark.filterwarnings("ignore:This DataLoader will create")
def test_loaders_that_fork_after_tokenizing_give_all(tmp_path, cache, capfd):
    (tmp_path / "x.csv").write_text(content(400))
    data = TextDataModule(path=str(tmp_path / "x.csv"), num_workers=2, steps_per_batch=200)
    seen = sorted(k for batch in data.train_dataloader() for k in batch.ids.tolist())
    assert seen == data.parts["train"].ids.tolist()
    assert "forked" not in capfd.readouterr().err


MEASURE = """
import json, sys, threading, time
import numpy as np
from data.text.data_module import TextDataModule

def held_mib():
    lines = open("/proc/self/status").read().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon")) / 1024

before, peak, done = held_mib(), 0.0, threading.Event()

def watch():
    global peak
    while not done.wait(0.01):
        peak = max(peak, held_mib())

thread = threading.Thread(target=watch)
thread.start()
data = TextDataModule(**json.loads(sys.argv[1]))
num_steps = sum(len(batch.steps) for batch in data.train_dataloader())
done.set()
thread.join()
print(json.dumps([peak - before, num_steps, {n: len(part) for n, part in data.parts.items()}]))
"""


def write_large(path, *, num_rows, words_per_row):
    """Words as frequent as in a language (Zipf), and a film for every 50 rows."""
    random = np.random.default_rng(0)
    words = np.array([f"w{k}" for k in range(50_000)])
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label", "movie"])
        for row in range(num_rows):
            drawn = (20 * random.pareto(1.0, words_per_row)).astype(int) % len(words)
            text = f"{' '.join(words[drawn])}, number {row}."
            writer.writerow([text, "pos" if row % 2 else "neg", row // 50])


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
def test_what_is_held_of_500_mb_of_texts(tmp_path, cache):
    path = tmp_path / "large.csv"
    write_large(path, num_rows=650_000, words_per_row=195)
    assert 450e6 < path.stat().st_size < 600e6
    options = json.dumps({"path": str(path), "group_column": "movie"})
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, options],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    mib, num_steps, sizes = json.loads(done.stdout)
    assert sizes == {"train": 520_000, "val": 65_000, "test": 65_000}
    assert num_steps > 70e6
    # Pages mapped from files are not counted: the system reclaims them when memory is short.
    assert mib < 350


def test_the_tokenizer_on_disk_is_the_one_that_was_learnt(tmp_path, cache):
    (tmp_path / "x.csv").write_text(content())
    data = TextDataModule(path=str(tmp_path / "x.csv"))
    _ = data.parts
    (kept,) = (cache / "tokenizers").iterdir()
    assert Tokenizer.from_file(str(kept)).to_str() == data.tokenizer.to_str()
    again = TextDataModule(path=str(tmp_path / "x.csv"))
    assert again.num_tokens == data.num_tokens
    assert again.tokenizer.to_str() == data.tokenizer.to_str()
