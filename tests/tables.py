"""Small labelled tables, written as people write them, and what is read of them."""

import pandas
import pytest

from data.files.errors import InputError
from data.text.data_module import TextDataModule

ROWS = [
    (f"film number {k} is {word}", label)
    for k, (word, label) in enumerate([("bad", "neg"), ("good", "pos")] * 12)
]


#: their texts
EVERY = sorted(text for text, _ in ROWS)


def frame(rows=ROWS, text="text", label="label"):
    return pandas.DataFrame(rows, columns=[text, label])


def written(rows=ROWS, *, header="text,label", delimiter=",", end="\n"):
    lines = [header] if header else []
    return end.join([*lines, *(delimiter.join(row) for row in rows), ""])


def texts_of(data):
    return {name: sorted(part.sources()) for name, part in data.parts.items()}


def all_texts(data):
    return sorted(text for some in texts_of(data).values() for text in some)


def refused(path, **options):
    with pytest.raises(InputError) as caught:
        _ = TextDataModule(path=str(path), **options).parts
    line = str(caught.value)
    assert "\n" not in line
    return line


def save(table, path):
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.name.endswith(".parquet"):
        table.to_parquet(path)
    elif ".jsonl" in path.name:
        table.to_json(path, orient="records", lines=True)
    else:
        table.to_csv(path, index=False, sep="\t" if ".tsv" in path.name else ",")
