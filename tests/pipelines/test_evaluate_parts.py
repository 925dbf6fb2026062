"""`evaluate` tests on what the test part was, and says where the model has met what it is tested on."""

import json
from pathlib import Path

import pandas
import pytest

from pipelines import evaluate
from pipelines.cli.training import train
from tests.clips import write_classes, write_clip
from tests.pipelines.conftest import SENTIMENT, VIDEO, read_predictions, write_reviews


def evaluated(task, run, *options):
    """The report, and what was tested."""
    checkpoint = f"--ckpt=runs/{task}/first/checkpoints/best.ckpt"
    evaluate.main([checkpoint, f"--run={run}", "--trainer.enable_progress_bar=false", *options])
    folder = Path("runs", task, run)
    report = json.loads((folder / "report" / "report.json").read_text())
    return report, sources_in(folder)


def sources_in(folder):
    return [row["path" if "path" in row else "text"] for row in read_predictions(folder)]


@pytest.fixture
def reviews(in_folder):
    """A table, a model trained on it, and the texts of its test part."""
    write_reviews(in_folder / "reviews.csv")
    table = pandas.read_csv("reviews.csv").drop_duplicates().reset_index(drop=True)
    table["text"] += [f" {k}" for k in range(len(table))]
    table.to_csv("reviews.csv", index=False)
    train("sentiment", ["--data.path=reviews.csv", "--run=first", *SENTIMENT])
    return table, sources_in(Path("runs/sentiment/first"))


def test_texts_that_came_and_went(reviews, caplog):
    table, tested = reviews
    report, texts = evaluated("sentiment", "same")
    assert texts == tested
    assert report["changed_since_training"] == {"gone": 0, "new": 0}
    assert "has changed" not in caplog.text

    new = pandas.DataFrame({"text": ["a new film", "another one"], "label": ["negative"] * 2})
    pandas.concat([new, table]).to_csv("reviews.csv", index=False)
    report, texts = evaluated("sentiment", "added")
    assert texts == tested
    assert report["changed_since_training"] == {"gone": 0, "new": 2}
    assert "2 new one(s) are left out" in caplog.text

    table.sample(frac=1, random_state=0).to_csv("reviews.csv", index=False)
    report, texts = evaluated("sentiment", "reordered")
    assert sorted(texts) == sorted(tested)

    table[table.text != tested[0]].to_csv("reviews.csv", index=False)
    report, texts = evaluated("sentiment", "gone")
    assert texts == tested[1:]
    assert report["changed_since_training"] == {"gone": 1, "new": 0}

    # Parts that somebody names today do not make a test text of what was learnt from.
    table.assign(split=["test"] * 6 + ["train"] * (len(table) - 6)).to_csv(
        "reviews.csv", index=False
    )
    assert evaluated("sentiment", "named")[1] == tested


def test_a_test_part_that_is_gone_is_one_line(reviews, capsys):
    table, tested = reviews
    table[~table.text.isin(tested)].to_csv("reviews.csv", index=False)
    with pytest.raises(SystemExit) as caught:
        evaluated("sentiment", "gone")
    assert caught.value.code == 2
    assert "that were the part 'test'" in capsys.readouterr().err


def test_data_that_are_named_are_told_where_the_model_has_met_them(reviews, caplog):
    table, tested = reviews
    num_others = len(table) - len(tested)
    table.to_csv("copy.csv", index=False)
    report, texts = evaluated("sentiment", "all", "--data.path=copy.csv")
    met = report["met_in_training"]
    assert len(texts) == len(table)
    assert met["learnt_from"] + met["chosen_by"] == num_others
    assert met["chosen_by"] > 0
    assert f"the model has learnt from {met['learnt_from']}" in caplog.text

    # Its parts are those of the training, where it names none.
    report, texts = evaluated("sentiment", "part", "--data.path=copy.csv", "--split=test")
    assert texts == tested
    report, texts = evaluated("sentiment", "learnt", "--split=train")
    assert report["met_in_training"] == {"learnt_from": len(texts), "chosen_by": 0}

    parts = ["test" if k < 10 else "train" for k in range(len(table))]
    table.assign(split=parts).to_csv("named.csv", index=False)
    report, texts = evaluated("sentiment", "named", "--data.path=named.csv", "--split=test")
    assert texts == table.text[:10].tolist()
    met = report["met_in_training"]
    assert met["learnt_from"] + met["chosen_by"] == sum(text not in tested for text in texts)

    caplog.clear()
    pandas.DataFrame({"text": ["a new film", "another"], "label": ["negative", "positive"]}).to_csv(
        "other.csv", index=False
    )
    report, _ = evaluated("sentiment", "other", "--data.path=other.csv")
    assert report["met_in_training"] == {"learnt_from": 0, "chosen_by": 0}
    assert not [line for line in caplog.records if line.name.startswith("data.")]


def test_clips_that_came_and_went_and_were_renamed(in_folder, caplog):
    write_classes(in_folder / "clips", clips_per_class=10)
    train("video", ["--data.path=clips", "--run=first", *VIDEO])
    tested = sources_in(Path("runs/video/first"))
    report, paths = evaluated("video", "same")
    assert paths == tested
    assert report["changed_since_training"] == {"gone": 0, "new": 0}

    write_clip(in_folder / "clips" / "dark" / "0-new.mp4", num_frames=3)
    report, paths = evaluated("video", "added")
    assert paths == tested
    assert report["changed_since_training"] == {"gone": 0, "new": 1}

    renamed = in_folder / tested[0]
    renamed.rename(renamed.with_name("zz-renamed.mp4"))
    report, paths = evaluated("video", "renamed")
    assert len(paths) == len(tested)
    assert any(path.endswith("zz-renamed.mp4") for path in paths)

    renamed.with_name("zz-renamed.mp4").unlink()
    report, paths = evaluated("video", "gone")
    assert sorted(paths) == sorted(tested[1:])
    assert report["changed_since_training"] == {"gone": 1, "new": 1}

    report, paths = evaluated("video", "all", "--data.path=clips")
    met = report["met_in_training"]
    assert met["learnt_from"] + met["chosen_by"] == len(paths) - len(tested[1:]) - 1
