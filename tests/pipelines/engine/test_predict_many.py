"""The command from files to files: the answers of `predict`, each row once, whatever the division."""

import json
import shutil

import numpy as np
import pandas
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.predict import load
from pipelines.predict.inputs import Item
from tests.clips import write_classes, write_clip
from tests.pipelines.conftest import CAPTIONS, write_captions
from tests.pipelines.engine.conftest import (
    NUM_BAD,
    NUM_TEXTS,
    answers,
    many,
    text_of,
    write_video_model,
)
from tests.pipelines.saved_models import translation_model, write_saved


def test_answers_are_those_of_predict(place, capsys):
    expected = dict(enumerate(load("a.ckpt").answers(Item(text_of(k) or "") for k in range(95))))
    for items_per_file in (1, 20, 1000):
        folder = f"out-{items_per_file}"
        assert many(f"--items_per_file={items_per_file}", output=folder) == 1
        rows = answers(folder).to_pylist()
        assert [row["index"] for row in rows] == list(range(NUM_TEXTS))
        assert [row["id"] for row in rows] == [7 * k for k in range(NUM_TEXTS)]
        for k, row in enumerate(rows):
            found = expected[k][0]
            assert row["source"] == (text_of(k) or "")
            if k % 10 in (3, 7):
                assert row["error"].startswith(
                    "there is no 'text'" if k % 10 == 3 else "holds no word"
                )
                assert row["label"] is row["probability"] is row["steps"] is None
                continue
            assert row["error"] is None
            assert (row["label"], row["steps"]) == (found.label, found.steps)
            assert row["probability"] == pytest.approx(found.probability, abs=1e-6)
            for name, share in found.probabilities.items():
                assert row[f"probability_{name}"] == pytest.approx(share, abs=1e-6)
            assert row["unknown_share"] == found.unknown_share
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == f"out-1000: complete: 1 files, {NUM_TEXTS} rows, {NUM_BAD} with an error"


def test_shards_have_every_row_once(place, capsys):
    for number in (2, 0, 3):
        many("--items_per_file=9", f"--shard={number}/4")
    said = capsys.readouterr().out.splitlines()[-1]
    assert "out: 3 of 11 files are missing: 1, 5, 9; they come from other" in said
    many("--items_per_file=9", "--shard=1/4")
    assert "out: complete: 11 files, 95 rows" in capsys.readouterr().out.splitlines()[-1]
    many("--items_per_file=9", output="alone")
    names = sorted(path.name for path in (place / "out").iterdir())
    assert names == ["_run.json", *(f"part-{k:06d}.parquet" for k in range(11))]
    for name in names:
        assert (place / "out" / name).read_bytes() == (place / "alone" / name).read_bytes()


def test_reading_far_more_than_is_answered_is_told(place, caplog, monkeypatch):
    monkeypatch.setattr("pipelines.engine.job._MANY_ROWS", 50)
    shutil.copy("texts.parquet", "groups.parquet")
    pq.write_table(pq.read_table("texts.parquet"), "one-group.parquet")
    for name, is_told in (("groups", False), ("one-group", True)):
        caplog.clear()
        many("--items_per_file=5", "--shard=0/9", input=f"{name}.parquet", output=name)
        said = (
            "a shard decodes 95 rows to answer 15: write it as Parquet with row groups of about 5"
        )
        assert any(said in record.getMessage() for record in caplog.records) == is_told


def test_all_files_have_one_schema(place):
    # In its last piece everything is null that may be.
    rows = [{"text": "a film"}] * 4 + [{"text": None}] * 2
    (place / "t.jsonl").write_text("\n".join(map(json.dumps, rows)))
    assert many("--items_per_file=2", input="t.jsonl") == 1
    schemas = [pq.read_schema(path) for path in sorted(place.glob("out/part-*"))]
    assert len(schemas) == 3
    assert all(schema.equals(schemas[0]) for schema in schemas)
    assert "id" not in schemas[0].names


@pytest.mark.parametrize("name", ["t.txt", "t.csv", "t.jsonl"])
def test_other_tables(place, name):
    texts = [text_of(k) or "none" for k in range(NUM_TEXTS)]
    if name == "t.txt":
        (place / name).write_text("\n".join(texts))
    elif name == "t.csv":
        pandas.DataFrame({"text": texts}).to_csv(name, index=False)
    else:
        pandas.DataFrame({"text": texts}).to_json(name, orient="records", lines=True)
    assert many("--items_per_file=10", "--shard=1/2", input=name) == 1
    assert many("--items_per_file=10", "--shard=0/2", input=name) == 1
    found = answers().to_pylist()
    assert [row["source"].strip() for row in found] == [text.strip() for text in texts]
    errors = [k for k, row in enumerate(found) if row["error"] is not None]
    assert errors == list(range(7, NUM_TEXTS, 10))


def test_a_second_start_only_writes_what_is_missing(place, capsys):
    many("--items_per_file=20")
    first = {path: path.stat().st_mtime_ns for path in place.glob("out/part-*")}
    (place / "out/part-000002.parquet").unlink()
    (place / "out/part-000004.parquet").write_bytes(b"PAR1 cut")
    capsys.readouterr()
    assert many("--items_per_file=20") == 1
    printed = capsys.readouterr()
    assert "2 files written, 3 were there; 95 rows, 19 with an error" in printed.out
    again = {path: path.stat().st_mtime_ns for path in place.glob("out/part-*")}
    same = {path.name[5:11] for path in first if first[path] == again[path]}
    assert same == {"000000", "000001", "000003"}
    assert answers()["index"].to_pylist() == list(range(NUM_TEXTS))


def test_the_source_may_be_left_out(place):
    many("--without_source")
    assert "source" not in answers().column_names
    assert answers()["id"].to_pylist() == [7 * k for k in range(NUM_TEXTS)]


def changed(place, name):
    table = pq.read_table("texts.parquet").to_pydict()
    table["text"][50] = "another film"
    pq.write_table(pa.table(table), name)


@pytest.mark.parametrize(
    ("change", "options", "says"),
    [
        (lambda place: write_saved(place / "a.ckpt", train_seconds=2.0), {}, "begun with CKPT"),
        (lambda place: changed(place, "texts.parquet"), {}, "begun with INPUT (its content)"),
        (lambda place: None, {"items_per_file": 50}, "--items_per_file 20, and now it is 50"),
        (lambda place: None, {"text_column": "id"}, "--text_column text, and now it is id"),
        (lambda place: (place / "out/_run.json").unlink(), {}, "no _run.json that describes them"),
        (lambda place: (place / "out/_run.json").write_text("{"), {}, "_run.json: is damaged"),
        (lambda place: shutil.copy("b/part-000001.parquet", "out"), {}, "is no file of the run"),
    ],
)  # fmt: skip
def test_answers_of_two_runs_are_not_mixed(place, capsys, change, options, says):
    many("--items_per_file=20")
    many("--items_per_file=20", "--text_column=id", output="b")
    change(place)
    before = {path: path.read_bytes() for path in place.glob("out/*")}
    capsys.readouterr()
    typed = [f"--{name}={value}" for name, value in ({"items_per_file": 20} | options).items()]
    assert many(*typed) == 2
    printed = capsys.readouterr()
    (line,) = [line for line in printed.err.splitlines() if line.startswith("error: ")]
    assert says in line
    assert {path: path.read_bytes() for path in place.glob("out/*")} == before


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--items_per_file=0"], "--items_per_file=0: give 1 or more"),
        (["--shard=1/1"], "counted from 0"),
        (["--beam=2"], "CKPT is a classifier"),
        (["--path_column=text"], "--path_column=text: CKPT is a model for texts"),
        (["--input=lines.txt", "--id_column=id"], "--id_column=id: INPUT=lines.txt is no table"),
        (["--ray_actors=1"], "--ray_actors: is for --engine=ray"),
        (["--ckpt="], "CKPT is missing"),
        (["--output="], "OUTPUT is missing"),
        (["--output=a.ckpt"], "a file, not a folder"),
        (["--input=-"], "no rows to come back to"),
        (["--input=empty.csv"], "holds no item"),
    ],
)
def test_options_that_cannot_be_used(place, capsys, options, says):
    (place / "empty.csv").write_text("text,id\n")
    (place / "lines.txt").write_text("a film\n")
    before = set(place.rglob("*"))
    assert many(*options) == 2
    assert says in capsys.readouterr().err
    assert set(place.rglob("*")) == before


def test_a_translator(place):
    write_saved(place / "t.ckpt", "translation", model=translation_model())
    assert many("--items_per_file=30", "--text_column=text", "--beam=2", ckpt="t.ckpt") == 1
    model = load("t.ckpt")
    model.beam = 2
    expected = list(model.answers(Item(text_of(k) or "") for k in range(NUM_TEXTS)))
    found = answers().to_pylist()
    assert list(found[0]) == ["index", "id", "source", "text", "score", "finished", "error"]
    for row, one in zip(found, expected, strict=True):
        assert (row["error"] is None) == (one.problem is None)
        if one.problem is None:
            assert (row["text"], row["finished"]) == (one.text, one.is_finished)
            assert row["score"] == pytest.approx(one.score, abs=1e-5)


@pytest.fixture
def clips(place):
    write_video_model(place / "v.ckpt")
    write_classes(place / "clips", clips_per_class=3)
    (place / "clips" / "dark" / "broken.mp4").write_bytes(b"no")
    return place


def test_a_folder_of_clips(clips, capsys):
    assert many("--items_per_file=2", ckpt="v.ckpt", input="clips") == 1
    found = answers().to_pylist()
    model = load("v.ckpt", num_workers=1)
    expected = list(model.answers(model.steps.items_at("clips")))
    assert len(found) == len(expected) == 7
    for row, (one, _) in zip(found, expected, strict=True):
        assert f"clips/{row['source']}" == one.source
        if row["source"] == "dark/broken.mp4":
            assert row["error"] == one.reason
        else:
            shares = [row[f"probability_{name}"] for name in model.classes]
            wanted = [one.probabilities[name] for name in model.classes]
            assert np.allclose(shares, wanted, rtol=0, atol=1e-6)
    # Many shards take the listing that is there; one that has all to itself looks again.
    write_clip(clips / "clips/late.mp4", num_frames=3)
    assert many("--items_per_file=2", "--shard=0/2", ckpt="v.ckpt", input="clips") == 0
    capsys.readouterr()
    assert many("--items_per_file=2", ckpt="v.ckpt", input="clips") == 2
    assert "_listing.parquet has listed: 1 files are new, and 0 are gone" in capsys.readouterr().err


def test_a_manifest_of_clips_and_their_sections(clips):
    rows = [
        {"path": "clips/dark/0.mp4", "id": "whole", "start_seconds": None, "end_seconds": None},
        {"path": "clips/dark/0.mp4", "id": "end", "start_seconds": 0.2, "end_seconds": None},
        {"path": "clips/gone.mp4", "id": "gone", "start_seconds": None, "end_seconds": None},
        {"path": "clips/dark/0.mp4", "id": "odd", "start_seconds": 5.0, "end_seconds": 2.0},
    ]
    pandas.DataFrame(rows).to_parquet("list.parquet")
    assert many(ckpt="v.ckpt", input="list.parquet") == 1
    whole, end, gone, odd = answers().to_pylist()
    assert [one["id"] for one in (whole, end, gone, odd)] == ["whole", "end", "gone", "odd"]
    # Eight frames at 25 a second: those from 0.2 s on are three.
    assert (whole["steps"], end["steps"]) == (8, 3)
    assert (end["start_seconds"], end["end_seconds"]) == (0.2, None)
    assert gone["error"].startswith("no such file")
    assert odd["error"] == "from 5 to 2 seconds is no stretch of a clip"
    assert load("v.ckpt", num_workers=1)("clips/dark/0.mp4").probability == pytest.approx(
        whole["probability"], abs=1e-6
    )


@pytest.mark.slow
def test_captions(in_folder):
    from pipelines.cli.training import train

    train("captions", [f"--data.path={write_captions(in_folder)}", "--run=c", *CAPTIONS])
    checkpoint = "runs/captions/c/checkpoints/best.ckpt"
    assert many("--items_per_file=4", ckpt=checkpoint, input="captions.csv") == 0
    found = answers().to_pylist()
    paths = pandas.read_csv("captions.csv")["path"].tolist()
    assert [row["source"] for row in found] == paths
    model = load(checkpoint, num_workers=1)
    assert [row["text"] for row in found] == [model(path).text for path in paths]
