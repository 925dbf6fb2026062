"""Checkpoints, cut or with bits flipped at any byte: the answer they gave before, or one line."""

import io
import math
import random
import zipfile
from functools import lru_cache
from itertools import islice

import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st

from data.files.checkpoint import CHECKPOINT_KEY, DamagedError, check_archive
from data.plain_text.prompts import first_tokens
from pipelines.predict import load
from pipelines.predict.continuation import continuation
from pipelines.tasks.text_checkpoints import load_language, tokenizer_of
from tests.fuzz.conftest import SOAKS, Refused, damaged, folder, fuzzed, outcome
from tests.pipelines.saved_models import (
    language_model,
    sentiment_model,
    translation_model,
    write_saved,
)

MODELS = {
    "sentiment": sentiment_model,
    "language": language_model,
    "translation": translation_model,
}
TASKS = st.sampled_from(sorted(MODELS))
# So that each byte of some ten thousand can be met.
FLIPS = st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 7)), max_size=3)


@lru_cache
def written(task):
    """The bytes of a small checkpoint, and its answer."""
    with folder() as place:
        write_saved(place / "a.ckpt", task, model=MODELS[task]())
        return (place / "a.ckpt").read_bytes(), answer(place / "a.ckpt", task)


def answer(path, task):
    if task == "language":
        model = load_language(path)
        tokens = first_tokens(tokenizer_of(model), "a fine film", end=None)
        return list(islice(continuation(model.model, tokens), 5))
    found = load(path, task=task)("a fine film")
    return [found.label, *found.probabilities.values()] if task == "sentiment" else str(found)


def answer_of(content, task):
    with folder() as place:
        (place / "a.ckpt").write_bytes(content)
        # A tokenizer of other content may find no word in the text.
        found = outcome(lambda: answer(place / "a.ckpt", task), names="")
    assert not isinstance(found, Refused) or "a.ckpt" in found.line or "holds no" in found.line
    return found


@fuzzed(30)
@given(task=TASKS, flips=FLIPS, cut=st.none() | st.floats(0, 1))
def test_damage_changes_no_answer(task, flips, cut):
    content, due = written(task)
    found = answer_of(damaged(content, flips, cut), task)
    assert isinstance(found, Refused) or found == due


@pytest.mark.skipif(not SOAKS, reason="looks at thousands of bytes: MANYTOONE_SOAK=1")
@pytest.mark.parametrize("task", MODELS)
def test_damage_all_over_changes_no_answer(task):
    content, due = written(task)
    # Others each time, so that each byte is met in the end.
    for at in range(random.randrange(11), len(content), 11):
        for bit in (0, 7):
            changed = bytearray(content)
            changed[at] ^= 1 << bit
            found = answer_of(bytes(changed), task)
            assert isinstance(found, Refused) or found == due, at
        assert isinstance(answer_of(content[:at], task), Refused), at


def records_of(content):
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def sealed(records):
    """An archive whose checksums are those of its records."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in records.items():
            archive.writestr(name, content)
    return file.getvalue()


@fuzzed(30)
@given(
    task=TASKS, flips=FLIPS, cut=st.none() | st.floats(0, 1), values=st.booleans(),
    which=st.integers(0, 30),
)  # fmt: skip
def test_other_content_is_an_answer_or_one_line(task, flips, cut, values, which):
    """Damaged records with checksums that fit them, as an attacker would write them."""
    records = records_of(written(task)[0])
    name = "a/data.pkl" if values else sorted(records)[which % len(records)]
    records[name] = damaged(records[name], flips, cut)
    found = answer_of(sealed(records), task)
    if task == "sentiment" and not isinstance(found, Refused):
        _, *probabilities = found
        assert math.isclose(sum(probabilities), 1, rel_tol=1e-5)


PLAIN = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5),
        st.sampled_from([2**40, -(2**70), "a\ud800", "models.recurrence.LSTM", 1e308]),
        st.builds(torch.tensor, st.lists(st.floats(width=32), max_size=3)),
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip


def places_in(values, above=()):
    """The path of each value among nested ones."""
    pairs = values.items() if isinstance(values, dict) else enumerate(values)
    for key, value in pairs:
        yield (*above, key)
        if isinstance(value, dict | list):
            yield from places_in(value, (*above, key))


@fuzzed(40)
@given(task=TASKS, at=st.integers(0, 500), value=PLAIN, is_removed=st.booleans())
def test_any_plain_value_at_any_place(task, at, value, is_removed):
    checkpoint = torch.load(io.BytesIO(written(task)[0]), weights_only=True)
    places = [
        *places_in(checkpoint[CHECKPOINT_KEY], (CHECKPOINT_KEY,)),
        *places_in(checkpoint["state_dict"], ("state_dict",)),
        (CHECKPOINT_KEY,), ("state_dict",),
    ]  # fmt: skip
    *above, last = places[at % len(places)]
    inner = checkpoint
    for key in above:
        inner = inner[key]
    if is_removed:
        del inner[last]
    else:
        inner[last] = value
    file = io.BytesIO()
    torch.save(checkpoint, file)
    answer_of(file.getvalue(), task)


@fuzzed(30)
@given(content=st.binary(max_size=100), start=st.sampled_from([b"", b"PK\3\4", b"\x80\2"]))
@example(content=b"", start=b"PK\3\4")
def test_any_bytes_are_no_archive(content, start):
    with folder() as place:
        (place / "a.ckpt").write_bytes(start + content)
        with pytest.raises(DamagedError):
            check_archive(place / "a.ckpt")
