"""Values of options and YAML, through each command's own parser: a result, or one line."""

import importlib
import io
import os
from contextlib import redirect_stderr, redirect_stdout
from functools import lru_cache
from pathlib import Path

import pytest
import torch
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from pipelines.recipes import FOLDER, recipe
from pipelines.runtime.commands import COMMANDS
from pipelines.runtime.errors import one_line_errors
from pipelines.tasks.kinds import kind_of
from tests.fuzz.conftest import fuzzed
from tests.pipelines.conftest import FEW_NGRAMS, write_pairs, write_reviews
from tests.pipelines.saved_models import language_model, translation_model, write_saved

# Commands set small numbers to 0 in their process.
NUMBER = st.floats(allow_subnormal=False)
VALUE = st.one_of(
    st.sampled_from(
        ["", "0", "-1", "1", "2", "7", "0.5", "-0.5", "1e-9", "nan", "inf", "-inf", "null", "true", "[]",
         "[1,2]", "{}", "{a: 1}", "[", "{", "'", '"', "a: b", "- a", "*a", "&a b",
         "!!python/name:os.system",
         "!!python/object/apply:os.system ['touch marker']", "os.system", "missing.txt", "/", ".", "..",
         "/dev/null", "~", "a/b", "a,b", "a=b", "%s", "{0}", "\x1b[31m", "\n", "ä", "\udcff", "auto",
         "none",
         "words", "csv", "json", "test", "x" * 5000]
    ),
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8),
    st.integers(-3, 40).map(str),
    NUMBER.map(str),
)  # fmt: skip


def ended(work):
    """Exit code of a command, 0 where it goes on; its line is one."""
    out, said = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(said):
        try:
            work()
            code = 0
        except SystemExit as end:
            code = end.code
    assert code in (0, 1, 2, None), code
    lines = [one for one in said.getvalue().splitlines() if one.startswith("error: ")]
    assert len(lines) == (code == 2), said.getvalue()
    assert all(len(line) < 8000 and line.isprintable() for line in lines), lines
    assert not Path("marker").exists()
    return code


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("sentiment", "language", "translation"):
        values = {"translation": translation_model, "language": language_model}.get(name)
        write_saved(tmp_path / f"{name}.ckpt", name, model=values and values())
    write_reviews(tmp_path / "reviews.csv")
    write_pairs(tmp_path / "pairs.csv")
    (tmp_path / "text.txt").write_text("ROMEO: Who art thou? " * 40)
    (tmp_path / "clips" / "a").mkdir(parents=True)
    yield tmp_path
    torch.set_flush_denormal(False)


ASKED = {
    "predict": (
        ["--ckpt=sentiment.ckpt"],
        ["text", "input", "text_column", "columns", "encoding", "overlay", "task", "quoting", "format",
         "timeline", "trust", "ckpt"],
    ),
    "translate": (
        ["--ckpt=translation.ckpt"],
        ["text", "input", "text_column", "columns", "encoding", "quoting", "beam", "num_best",
         "blocked_ngram", "temperature", "seed", "attention", "format", "trust"],
    ),
    "caption": (["--ckpt=translation.ckpt"], ["input", "beam", "format", "seed"]),
    "sample": (
        ["--ckpt=language.ckpt", "--length=3"],
        ["prompt", "length", "temperature", "top_p", "seed", "trust", "ckpt"],
    ),
    "compare": ([], ["runs", "run"]),
    "doctor": (
        [],
        ["data.path", "data.path_column", "data.columns", "data.fold", "data.limit_seconds", "out",
         "data.start_seconds_column", "data.group_column"],
    ),
    "evaluate": (
        ["--ckpt=sentiment.ckpt", "--trainer.enable_progress_bar=false"],
        ["data.path", "data.label_column", "data.encoding", "data.columns", "split", "run", "task",
         "data.seed", "data.max_tokens", "data.val_share", "trainer.devices",
         "trainer.limit_test_batches"],
    ),
}  # fmt: skip


@fuzzed(30)
@given(
    name=st.sampled_from(sorted(ASKED)),
    chosen=st.lists(st.tuples(st.integers(0, 20), VALUE), min_size=1, max_size=3),
    stray=st.lists(VALUE, max_size=1),
)  # fmt: skip
@example(name="sample", chosen=[(2, "inf")], stray=[])
@example(name="sample", chosen=[(2, "1e-320")], stray=[])
@example(name="sample", chosen=[(4, str(2**64))], stray=[])
@example(name="evaluate", chosen=[(0, "reviews.csv"), (7, "-1")], stray=[])
@example(name="compare", chosen=[(0, "a " + "x" * 5000)], stray=[])
def test_any_value_of_a_command(place, name, chosen, stray):
    fixed, options = ASKED[name]
    args = [f"--{options[k % len(options)]}={value}" for k, value in chosen]
    with pytest.MonkeyPatch.context() as patch, open(os.devnull) as nothing:
        patch.setattr("sys.stdin", nothing)
        ended(lambda: importlib.import_module(COMMANDS[name].module).main([*fixed, *args, *stray]))


KINDS = {
    "sentiment": ["--data.path=reviews.csv", FEW_NGRAMS],
    "language": ["--data.path=text.txt"],
    "translation": ["--data.path=pairs.csv"],
    "video": ["--data.path=clips"],
}


def built(name, args):
    """The command that is ready to train."""
    kind = kind_of(name)
    with one_line_errors(), pytest.MonkeyPatch.context() as patch:
        patch.setattr("os.environ", os.environ.copy())
        return kind.command_class(kind, [*recipe(kind.recipe), *args])


@lru_cache
def options_of(name):
    """All options of a training command but those that write or end the process."""
    kept = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            kind_of(name).command_class, "parse_arguments",
            lambda self, parser, args: kept.update(parser._option_string_actions) or 1 / 0,
        )  # fmt: skip
        with pytest.raises(ZeroDivisionError):
            built(name, [])
    return sorted(
        one for one in kept if one.startswith("--") and not one.endswith(("+", ".help"))
        and one not in ("--help", "--print_config", "--config")
    )  # fmt: skip


@fuzzed(10)
@given(
    name=st.sampled_from(sorted(KINDS)),
    chosen=st.lists(st.tuples(st.integers(0, 1000), VALUE), min_size=1, max_size=2),
)  # fmt: skip
@example(name="sentiment", chosen=[("--trainer.max_epochs", "-5")])
@example(name="sentiment", chosen=[("--trainer.accumulate_grad_batches", "0")])
@example(name="sentiment", chosen=[("--seed_everything", "-1")])
@example(name="sentiment", chosen=[("--model.recurrence.hidden_size", "0")])
@example(name="sentiment", chosen=[("--data.val_share", "1.5")])
def test_any_value_of_a_training_command(place, name, chosen):
    options = options_of(name)
    # The examples name an option, others its place.
    named = [(k if isinstance(k, str) else options[k % len(options)], v) for k, v in chosen]
    ended(lambda: built(name, [*KINDS[name], *(f"{option}={value}" for option, value in named)]))


def _leaves(values, above=()):
    for key, value in values.items():
        yield (*above, key)
        if isinstance(value, dict):
            yield from _leaves(value, (*above, key))


PLAIN = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-3, 40), NUMBER, VALUE),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(
        st.sampled_from(["class_path", "init_args", "a"]) | st.text(max_size=3), inner, max_size=3),
    max_leaves=4,
)  # fmt: skip


@fuzzed(10)
@given(
    name=st.sampled_from(sorted(KINDS)),
    at=st.integers(0, 200),
    value=PLAIN,
    is_removed=st.booleans(),
)
def test_any_value_of_a_recipe(place, name, at, value, is_removed):
    content = yaml.safe_load((FOLDER / f"{name}.yaml").read_text())
    places = [*_leaves(content)]
    *above, last = places[at % len(places)]
    inner = content
    for key in above:
        inner = inner[key]
    if is_removed:
        del inner[last]
    else:
        inner[last] = value
    (place / "own.yaml").write_text(yaml.safe_dump(content))
    ended(lambda: built(name, ["--config=own.yaml", *KINDS[name]]))


@fuzzed(10)
@given(
    content=st.one_of(
        st.binary(max_size=40), st.lists(VALUE, max_size=5).map(lambda some: "\n".join(some)),
        st.dictionaries(st.sampled_from(["model", "data", "trainer", "model.encoder"]), PLAIN).map(
            yaml.safe_dump),
    )
)  # fmt: skip
@example(content="model: !!python/object/apply:os.system ['touch marker']")
@example(content=b"\xb0")
@example(content="a: &a [*a, *a]")
@example(content="[" * 600)
def test_any_yaml(place, content):
    content = content if isinstance(content, bytes) else content.encode(errors="surrogateescape")
    (place / "own.yaml").write_bytes(content)
    ended(lambda: built("sentiment", ["--config=own.yaml", *KINDS["sentiment"]]))
