"""An answer for each line that is asked, whatever is wrong with it; encodings; texts of other words."""

import contextlib
import csv
import gzip
import io
import json
import os
import sys
from pathlib import Path

import pandas
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines import evaluate
from pipelines.cli.training import train
from pipelines.predict import command as predict
from pipelines.predict.inputs import standard_input
from pipelines.predict.output import for_terminal, json_line
from pipelines.predict.predictor import Unanswered
from tests.pipelines.conftest import SENTIMENT, write_reviews

FINE = "a fine film, number very"


@pytest.fixture
def ask(sentiment_run, capfd):
    """Runs the command; its exit code, the objects that it printed, and what it said beside them."""

    def ask(source, *options, format="json"):
        checkpoint = sentiment_run / "runs/sentiment/first/checkpoints/best.ckpt"
        code = 0
        try:
            predict.main(
                [f"--ckpt={checkpoint}", f"--input={source}", f"--format={format}", *options]
            )
        except SystemExit as left:
            code = left.code
        out, err = capfd.readouterr()
        if format == "json":
            return code, [json.loads(line) for line in out.splitlines()], err
        if "csv" in format:
            return code, list(csv.DictReader(io.StringIO(out))), err
        return code, out.splitlines(), err

    return ask


LINES = [FINE, "", "  ", "a dull film", "<p>", ""]
HAVE_NO_ANSWER = [False, True, True, False, True, True]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le"])
def test_as_many_answers_as_lines(ask, tmp_path, end, encoding):
    (tmp_path / "a.txt").write_bytes((end.join(LINES) + end).encode(encoding))
    code, found, _ = ask(tmp_path / "a.txt")
    assert code == 1
    assert [one["source"] for one in found] == LINES
    assert ["error" in one for one in found] == HAVE_NO_ANSWER


@pytest.mark.parametrize("timeline", [[], ["--timeline"]])
def test_as_many_answers_in_each_format(ask, tmp_path, timeline):
    (tmp_path / "a.txt").write_text("".join(f"{line}\n" for line in LINES))
    _, found, _ = ask(tmp_path / "a.txt", *timeline)
    assert [one["source"] for one in found] == LINES
    assert ["error" in one for one in found] == HAVE_NO_ANSWER
    _, rows, _ = ask(tmp_path / "a.txt", *timeline, format="csv")
    answered = [
        row for row in rows if not timeline or not row["step"] or row["step"] == row["steps"]
    ]
    assert [row["source"] for row in answered] == LINES
    _, told, _ = ask(tmp_path / "a.txt", *timeline, format="text")
    answers = [line for line in told if not line.startswith("  ")]
    assert [line.split("\t")[0] == "error" for line in answers] == HAVE_NO_ANSWER


def test_a_bad_line_costs_its_own_answer_and_its_encoding_can_be_named(ask, tmp_path):
    (tmp_path / "a.txt").write_bytes(f"{FINE}\ncafé\nfine\n".encode("cp1252"))
    code, found, _ = ask(tmp_path / "a.txt")
    assert code == 1
    assert [one["source"] for one in found] == [FINE, "caf\ufffd", "fine"]
    assert found[1]["error"].startswith("line 2 cannot be read: byte 0xe9 is not UTF-8")
    assert "--encoding=cp1252" in found[1]["error"]
    code, found, _ = ask(tmp_path / "a.txt", "--encoding=cp1252")
    assert (code, found[1]["source"]) == (0, "café")
    code, _, err = ask(tmp_path / "a.txt", "--encoding=none")
    assert (code, err.count("\n")) == (2, 1)
    assert "--encoding=none: no encoding that is known" in err


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet"])
def test_rows_of_tables_are_answered_each(ask, tmp_path, suffix):
    texts = [FINE, "", None, "a dull film", " "]
    path = tmp_path / f"a.{suffix}"
    table = pandas.DataFrame({"id": range(5), "text": texts})
    if suffix == "csv":
        table.to_csv(path, index=False)
        with path.open("a") as file:
            file.write("6,one,two\n7\n")
    elif suffix == "jsonl":
        table.to_json(path, orient="records", lines=True)
        with path.open("a") as file:
            file.write('no JSON\n{"text": [1]}\n')
    else:
        table.to_parquet(path)
    code, found, _ = ask(path)
    assert code == 1
    assert len(found) == (5 if suffix == "parquet" else 7)
    assert ["error" in one for one in found] == [False, True, True, False, True, True, True][
        : len(found)
    ]


def test_tables_are_found_as_in_training(ask, tmp_path, caplog):
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(f'id,review\n1,"{FINE}"\n'.encode()))
    code, found, _ = ask(tmp_path / "a.csv.gz")
    assert (code, found[0]["source"]) == (0, FINE)
    assert "reads the column 'review' as the text (--text_column names another)" in caplog.text
    (tmp_path / "b.tsv").write_text(f'ham\t{FINE} "so\nham\tdull\n')
    code, _, err = ask(tmp_path / "b.tsv")
    assert code == 2
    assert "--columns=label,text" in err
    code, found, _ = ask(tmp_path / "b.tsv", "--columns=label,text", "--quoting=none")
    assert [one["source"] for one in found] == [f'{FINE} "so', "dull"]
    pq.write_table(pa.table({"text": [["a"]]}), tmp_path / "c.parquet")
    code, _, err = ask(tmp_path / "c.parquet")
    assert code == 2
    assert "the column 'text' holds lists" in err


def test_standard_input_of_any_encoding(ask, tmp_path, monkeypatch):
    path = tmp_path / "a.txt"
    path.write_bytes(f"{FINE}\r\n\r\nunheard syllables\r\n".encode("utf-16"))
    with path.open("rb") as file:
        monkeypatch.setattr(sys, "stdin", file)
        code, found, _ = ask("-")
    assert [one["source"] for one in found] == [FINE, "", "unheard syllables"]
    assert code == 1


@pytest.mark.parametrize(
    ("content", "encoding", "lines"),
    [
        (b"", None, []),
        (b"\n", None, [""]),
        (b"a", None, ["a"]),
        (b"a\rb\r\nc\r", None, ["a", "b", "c"]),
        (codecs_mark := b"\xef\xbb\xbf", None, []),
        (codecs_mark + b"a\n\n", None, ["a", ""]),
        ("a\nb".encode("utf-16"), None, ["a", "b"]),
        ("a\nb\n".encode("utf-16-be"), None, ["a", "b"]),
        ("é\nb".encode("cp1252"), "cp1252", ["é", "b"]),
        ("é\nb".encode("cp1252"), None, ["\ufffd", "b"]),
    ],
)
@pytest.mark.parametrize("piece", [1, 1000])
def test_lines_of_a_stream(content, encoding, lines, piece):
    reading, writing = os.pipe()
    pieces = [content[k : k + piece] for k in range(0, len(content), piece)]
    # One read takes one write.
    found = []
    os.write(writing, b"".join(pieces))
    os.close(writing)
    read, os_read = [], os.read

    def read_few(descriptor, most):
        read.append(os_read(descriptor, piece))
        return read[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pipelines.predict.inputs.os.read", read_few)
        for group in standard_input(reading, encoding=encoding):
            found += [item.source for item in group]
    os.close(reading)
    assert found == lines


def test_texts_of_other_words_are_doubtful(ask, tmp_path, caplog):
    (tmp_path / "a.txt").write_text(f"{FINE}\nunheard syllables altogether\n")
    code, found, _ = ask(tmp_path / "a.txt")
    assert (code, len(found)) == (0, 2)
    assert [record.getMessage() for record in caplog.records] == [
        "1 of 2 answers are doubtful: most words of these texts are not in the model's vocabulary"
    ]
    caplog.clear()
    (tmp_path / "a.txt").write_text(FINE)
    ask(tmp_path / "a.txt")
    assert not caplog.records


def test_nothing_that_a_terminal_obeys_is_shown(ask, tmp_path):
    text = "a fine film \x1b[31m red \x07 \x9b1m \x7f"
    (tmp_path / "a.txt").write_text(text, encoding="utf-8")
    for format in ("text", "json"):
        _, found, _ = ask(tmp_path / "a.txt", format=format)
        shown = (
            found[0] if format == "text" else json_line(Unanswered("sentiment", text, text), None)
        )
        assert shown.replace("\t", "").rstrip("\n").isprintable()
    assert json.loads(shown)["source"] == text
    _, rows, _ = ask(tmp_path / "a.txt", format="csv")
    assert rows[0]["source"] == text
    assert for_terminal(f"{text}\n") == "a fine film \\x1b[31m red \\x07 \\x9b1m \\x7f\n"
    (tmp_path / "a.txt").write_bytes(b"a\x1b[31m \xff\n")
    (tmp_path / "b.txt").write_bytes(b"a\0b\n")
    assert "line 1 holds zero bytes" in ask(tmp_path / "b.txt")[1][0]["error"]
    _, found, _ = ask(tmp_path / "a.txt", format="text")
    assert found[0].replace("\t", "").isprintable()


def test_a_text_too_long_to_read_is_one_line(ask, tmp_path, monkeypatch):
    monkeypatch.setattr("pipelines.predict.steps.MOST_READ", 5)
    (tmp_path / "a.txt").write_text("a fine film\n" + "very " * 10)
    code, (read, refused), _ = ask(tmp_path / "a.txt")
    assert (code, "label" in read) == (1, True)
    assert refused["error"] == "has 10 tokens, and at most 5 are read; divide it"


def test_no_cell_is_a_formula_unless_exact_cells_are_asked_for(ask, tmp_path):
    texts = ["=1+1 a fine film", "-a dull film", "'@a fine film"]
    (tmp_path / "a.txt").write_text("\n".join(texts))
    sources = [
        [row["source"] for row in ask(tmp_path / "a.txt", format=format)[1]]
        for format in ("csv", "exact-csv", "json")
    ]
    assert sources == [[f"'{text}" for text in texts], texts, texts]


def test_how_one_file_is_written_says_nothing_of_another(in_folder, capsys):
    """The options of training hold for its own file; another is asked anew, by its own first line."""
    write_reviews(in_folder / "reviews.csv")
    table = pandas.read_csv("reviews.csv")
    table["text"] += " café"
    table[["label", "text"]].to_csv("bare.csv", index=False, header=False, encoding="cp1252")
    options = ["--data.columns=label,text", "--data.encoding=cp1252", "--trainer.max_epochs=1"]
    train("sentiment", [*SENTIMENT, "--data.path=bare.csv", *options, "--run=bare"])
    checkpoint = "--ckpt=runs/sentiment/bare/checkpoints/best.ckpt"
    # Its own file needs no option again; others may have names and another order of columns.
    evaluate.main([checkpoint, "--run=own"])
    table.to_csv("other.csv", index=False)
    table[["label", "text"]].to_csv("bare8.csv", index=False, header=False)
    for name, rows in (("other.csv", 80), ("bare8.csv", 80)):
        evaluate.main([checkpoint, f"--data.path={name}", f"--run={name[:-4]}"])
        report = json.loads(Path(f"runs/sentiment/{name[:-4]}/report/report.json").read_text())
        assert report["num_examples"] == rows
        capsys.readouterr()
        with contextlib.suppress(SystemExit):
            predict.main([checkpoint, f"--input={name}", "--format=json"])
        found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        assert [one["source"] for one in found] == table["text"].tolist()
    table.to_csv("windows.csv", index=False, encoding="cp1252")
    with pytest.raises(SystemExit):
        evaluate.main([checkpoint, "--data.path=windows.csv", "--run=windows"])
    assert "byte 0xe9 is not UTF-8" in capsys.readouterr().err
    evaluate.main(
        [checkpoint, "--data.path=windows.csv", "--data.encoding=cp1252", "--run=windows"]
    )


def test_columns_may_be_switched_off_on_the_command_line(in_folder, capsys):
    table = pandas.read_csv(write_reviews(in_folder / "reviews.csv"))
    table.assign(group="all", split="left").to_csv("a.csv", index=False)
    few = [*SENTIMENT, "--data.path=a.csv", "--trainer.max_epochs=1"]
    with pytest.raises(SystemExit):
        train("sentiment", [*few, "--run=no"])
    assert "--data.split_column=null" in capsys.readouterr().err
    train("sentiment", [*few, "--data.split_column=null", "--data.group_column=null", "--run=yes"])
    by_number = ["--data.text_column=1", "--data.label_column=2", "--run=numbers"]
    table.to_csv("b.csv", index=False)
    train("sentiment", [*SENTIMENT, "--data.path=b.csv", "--trainer.max_epochs=1", *by_number])


def test_a_file_is_itself_however_its_path_is_written(in_folder, capsys):
    """The options of training hold for the same file, and all of its rows are answered."""
    texts = [f'"a fine film {k}' if k % 2 else f'a dull film {k}"' for k in range(40)]
    lines = [f"{('neg', 'pos')[k % 2]}\t{text}" for k, text in enumerate(texts)]
    Path("x.tsv").write_text("label\ttext\n" + "\n".join(lines) + "\n")
    options = ["--data.path=x.tsv", "--data.quoting=none", "--trainer.max_epochs=1"]
    train("sentiment", [*SENTIMENT, *options, "--run=first"])
    checkpoint = "--ckpt=runs/sentiment/first/checkpoints/best.ckpt"
    evaluate.main([checkpoint, "--data.path=./x.tsv", "--run=again"])
    report = json.loads(Path("runs/sentiment/again/report/report.json").read_text())
    assert report["num_examples"] == 40
    capsys.readouterr()
    predict.main([checkpoint, f"--input={Path('x.tsv').resolve()}"])
    assert len(capsys.readouterr().out.splitlines()) == 40


def test_bytes_that_were_typed_and_are_no_characters_are_refused(sentiment_run, capsys):
    checkpoint = sentiment_run / "runs/sentiment/first/checkpoints/best.ckpt"
    with pytest.raises(SystemExit) as caught:
        predict.main([f"--ckpt={checkpoint}", "--text=fine \udcff"])
    assert caught.value.code == 2
    assert "TEXT: holds bytes that are no characters" in capsys.readouterr().err
