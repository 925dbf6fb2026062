"""Any text, through tokenizers and saved models: the same answer in any company, or one line."""

import csv
import io
import json
import math
from functools import lru_cache

from hypothesis import example, given
from hypothesis import strategies as st

from data.plain_text.content import clean
from data.plain_text.prompts import first_tokens, readable
from data.tokens.tokenizing import content_of
from data.tokens.vocabulary import END, learn_tokenizer
from pipelines.predict import load
from pipelines.predict.continuation import continuation
from pipelines.predict.inputs import Item
from pipelines.predict.output import for_terminal, lines_of
from pipelines.predict.predictor import Unanswered
from pipelines.tasks.text_checkpoints import load_language, tokenizer_of
from tests.fuzz.conftest import Refused, folder, fuzzed, outcome
from tests.pipelines.saved_models import language_model, translation_model, write_saved

# Surrogates too, signs that steer a terminal, marks, joiners, and words that the models know.
ANY = st.characters(codec=None)
ODD = st.sampled_from(
    [*"\0\t\n\r\x1b\x7f\x85\u200d\u2028\ufeff\ud800\udfff", "a\u0301", "👩\u200d👧", "कि", "한",
     "<br />", "<|end|>", "<unk>", "fine ", " film", "don't"]
)  # fmt: skip
TEXT = st.one_of(
    st.text(ANY, max_size=30),
    st.lists(ODD | st.text(ANY, max_size=3), max_size=10).map("".join),
    # Long, and long without a blank.
    st.builds(lambda one, times: one * times, st.text(ANY, min_size=1, max_size=4) | ODD,
              st.integers(1, 20_000)),
)  # fmt: skip


@lru_cache
def model(task):
    with folder() as place:
        values = {"translation": translation_model, "language": language_model}.get(task)
        write_saved(place / "a.ckpt", task, model=values and values())
        return load_language(place / "a.ckpt") if task == "language" else load(place / "a.ckpt")


@fuzzed(30)
@given(
    texts=st.lists(TEXT, max_size=5), text=TEXT,
    kind=st.sampled_from(["words", "subwords", "characters"]),
    lowercase=st.booleans(), strip_markup=st.booleans(), each_digit=st.booleans(),
)  # fmt: skip
def test_tokenizers(texts, text, kind, lowercase, strip_markup, each_digit):
    texts = [clean(one) for one in texts]
    text = clean(text)
    tokenizer = learn_tokenizer(
        texts, kind=kind, vocabulary_size=300, min_frequency=1, lowercase=lowercase,
        strip_markup=strip_markup, each_digit=each_digit,
    )  # fmt: skip
    ids = tokenizer.encode(text).ids
    assert ids == tokenizer.encode_batch_fast([text])[0].ids
    assert all(0 <= one < tokenizer.get_vocab_size() for one in ids)
    normal = tokenizer.normalizer
    plain = normal.normalize_str(text) if normal is not None else text
    if kind == "subwords":
        assert tokenizer.decode(ids) == plain
    elif kind == "characters":
        assert len(ids) == len(plain)


@fuzzed(30)
@given(texts=st.lists(TEXT, min_size=1, max_size=4))
def test_a_classifier_answers_each_text_as_alone(texts):
    predictor = model("sentiment")
    together = [found for found, _ in predictor.answers([Item(text) for text in texts])]
    for text, found in zip(texts, together, strict=True):
        assert found.source == text
        alone = outcome(lambda text=text: predictor(text), names="holds no word")
        if isinstance(alone, Refused):
            assert isinstance(found, Unanswered)
            continue
        assert math.isclose(sum(alone.probabilities.values()), 1, rel_tol=1e-5)
        assert alone.label == found.label
        assert math.isclose(alone.probability, found.probability, rel_tol=1e-4)
        assert str(alone).isprintable()


@fuzzed(20)
@given(texts=st.lists(TEXT, min_size=1, max_size=3), timeline=st.booleans())
def test_answers_are_written_so_that_programs_read_them(texts, timeline):
    predictor = model("sentiment")
    texts = [text[:200] for text in texts]
    for kind in ("text", "json", "exact-csv"):
        before, lines = lines_of(
            kind, classes=predictor.classes, timeline=timeline, has_seconds=False
        )
        for found, along in predictor.answers([Item(text) for text in texts], timeline=timeline):
            written = lines(found, along if timeline else None)
            if kind == "json":
                assert written.count("\n") == 1
                assert json.loads(written)["source"] == found.source
            elif kind == "exact-csv":
                out = io.StringIO(before + written, newline="")
                header, *rows = csv.reader(out, strict=True)
                assert {len(row) for row in rows} == {len(header)}
                # NUL and halves of characters are spelt.
                due = found.source.replace("\0", "\\x00").encode("utf-8", "backslashreplace")
                assert all(row[0].encode() == due for row in rows)
            else:
                assert "".join(written.split("\n")).replace("\t", "").isprintable()
            assert not set(for_terminal(written)) & set("\0\x1b\x7f\r\x85")


@fuzzed(12)
@given(texts=st.lists(TEXT.map(lambda one: one[:300]), min_size=1, max_size=3))
def test_a_translator_answers_each_text_as_alone(texts):
    translator = model("translation")
    together = list(translator.answers([Item(text) for text in texts]))
    for text, found in zip(texts, together, strict=True):
        alone = outcome(lambda text=text: translator(text), names="holds no token")
        assert isinstance(alone, Refused) == (found.problem is not None)
        if not isinstance(alone, Refused):
            assert alone.texts == found.texts
            assert str(alone).isprintable()


@fuzzed(12)
@given(prompt=TEXT.map(lambda one: one[:500]))
@example(prompt="")
def test_a_prompt_is_carried_on(prompt):
    task = model("language")
    tokenizer = tokenizer_of(task)
    end = tokenizer.token_to_id(END)
    prompt = clean(prompt)
    drawn = continuation(task.model, first_tokens(tokenizer, prompt, end=end))
    tokens = [next(drawn) for _ in range(3)]
    assert readable(tokenizer, prompt, tokens, end=end).startswith(prompt)


@fuzzed(30)
@given(text=TEXT)
def test_contents_are_told_apart_but_for_case_blanks_and_markup(text):
    key = content_of(text)
    assert key == content_of(f"  {text}\n") == content_of(f"<br />{text}")
    if key:
        assert key != content_of(text + " and more")
