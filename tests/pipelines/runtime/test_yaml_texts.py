"""YAML that is short and stands for much, wherever options are read."""

import pytest
import yaml
from jsonargparse import ActionConfigFile

from data.files.errors import InputError
from pipelines.recipes.former_options import without_former_parts
from pipelines.runs.run_history import read_options
from pipelines.runtime.options import option_parser, parse
from pipelines.runtime.yaml_texts import MOST_DEEP, load_yaml


def laughs(levels, *, times=10):
    """A list of lists that unfolds to ``times`` to the power of ``levels``."""
    lines = ["a0: &a0 [x]"]
    for k in range(levels):
        lines.append(f"a{k + 1}: &a{k + 1} [{', '.join([f'*a{k}'] * times)}]")
    return "\n".join(lines)


BOMBS = {
    "aliases": laughs(9),
    "many aliases": "a: &a [1]\nb: [" + "*a, " * 100_000 + "1]",
    "itself": "a: &a [*a]",
    "merged": "a: &a {x: 1}\n" + "\n".join(
        f"b{k}: &b{k} {{c: [{', '.join([f'*b{k - 1}' if k else '*a'] * 20)}]}}" for k in range(12)
    ),
    "flow": "a: " + "[" * 100_000 + "]" * 100_000,
    "block": "- " * 100_000 + "a",
    "unclosed": "{a: " * 100_000,
}  # fmt: skip


def refused(call):
    with pytest.raises(InputError) as error:
        call()
    assert "\n" not in str(error.value)
    assert "unfolds to more than 100,000 values or nests deeper than 100" in str(error.value)
    return str(error.value)


@pytest.mark.parametrize("kind", BOMBS)
def test_each_way_to_read_refuses_it_at_once(tmp_path, kind):
    path = tmp_path / "config.yaml"
    path.write_text(BOMBS[kind])
    refused(lambda: load_yaml(BOMBS[kind]))
    refused(lambda: read_options(path))
    refused(lambda: without_former_parts([f"--config={path}"]))
    parser = option_parser("train", "try")
    parser.add_argument("--sizes", type=list[int] | dict | None)
    refused(lambda: parse(parser, [f"--sizes={BOMBS[kind]}"]))
    refused(lambda: parse(parser, ["--sizes", BOMBS[kind]]))


@pytest.mark.parametrize("kind", BOMBS)
def test_a_file_that_only_the_parser_reads(tmp_path, kind):
    (tmp_path / "part.yaml").write_text(BOMBS[kind])
    parser = option_parser("train", "try")
    parser.add_argument("--config", action=ActionConfigFile)
    parser.add_argument("--sizes", type=dict | None)
    refused(lambda: parse(parser, [f"--config={tmp_path / 'part.yaml'}"]))


def test_what_is_written_as_it_is_meant_is_read():
    shared = {"a": [1, 2]}
    text = yaml.safe_dump({"x": shared, "y": shared, "list": list(range(1000))})
    assert "&id001" in text
    assert load_yaml(text)["y"] == shared
    assert load_yaml(laughs(3))["a3"][9][9][9] == ["x"]
    deep = "[" * (MOST_DEEP - 1) + "]" * (MOST_DEEP - 1)
    assert load_yaml(deep)
    with pytest.raises(yaml.YAMLError):
        load_yaml("a: [")


def test_a_text_to_be_read_is_no_yaml():
    parser = option_parser("predict", "try")
    parser.add_argument("--text", type=str)
    assert parse(parser, ["--text=" + "- " * 200]).text == "- " * 200
