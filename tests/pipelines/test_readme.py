"""Every command of the README, in its order, in the short form: small data, few steps."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path

import pandas
import pytest

from data.examples import video_example
from pipelines import compare, doctor, evaluate, memory_lab, microscope, predict, sample
from pipelines.cli import train
from pipelines.language import train_language
from tests.clips import write_classes, write_clip
from tests.pipelines.conftest import SENTIMENT, VIDEO, write_reviews

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
COMMANDS = re.findall(r"^ {4}(make [a-z-]+.*?)(?: {2,}#.*)?$", README, flags=re.MULTILINE)
LANGUAGE = [
    "--model.encoder.features=8",
    "--model.recurrence.hidden_size=8",
    "--data.num_streams=2",
    "--data.bptt_steps=8",
    "--trainer.max_epochs=1",
    "--trainer.enable_progress_bar=false",
]
OF_THE_HUB = "stanfordnlp/imdb"


def dry_run(command: str) -> list[list[str]]:
    """What make would run for it, one command after the other."""
    words = shlex.split(command)
    out = make("-n", f"PY={sys.executable}", *words[1:])
    lines = [shlex.split(line) for line in out.replace("\\\n", " ").splitlines()]
    # What is there already, or must not be, is another test's.
    lines = [line for line in lines if line[:2] != ["test", "!"]]
    return [line[line.index("||") + 1 :] if "||" in line else line for line in lines]


def test_what_is_typed_is_what_a_command_gets():
    typed = "made $100, it's $(HOME) & $x"
    [words] = dry_run(f"make predict-sentiment CKPT=a {shlex.quote(f'TEXT={typed}')}")
    assert words[-1] == f"--text={typed}"


def make(*words: str) -> str:
    """What it prints; by itself, also where these tests run under `make test`."""
    own = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}
    command = ["make", "-f", str(ROOT / "Makefile"), *words]
    return subprocess.run(command, env=own, capture_output=True, text=True, check=True).stdout


def run_short(words: list[str]) -> None:
    module, arguments = words[2].removeprefix("pipelines."), words[3:]
    if module == "evaluate":
        evaluate.main([*arguments, "--trainer.enable_progress_bar=false"])
    elif module == "predict":
        predict.main(arguments)
    elif module == "language":
        train_language([*arguments, *LANGUAGE])
    elif module == "sample":
        sample.main([*arguments, "--length=5"])
    elif module == "compare":
        compare.main(arguments)
    elif module == "microscope":
        microscope.main(arguments)
    elif module == "memory_lab":
        memory_lab.main([*arguments, "--delays=[2]", "--num_steps=2", "--adding_num_steps=2"])
    elif module == "doctor":
        with pytest.raises(SystemExit) as left:
            doctor.main(arguments)
        assert left.value.code == 0
    else:
        short = VIDEO if module == "video" else SENTIMENT
        if any("pretrained" in one for one in arguments):
            # It has another encoder, whose size is what it is.
            short = [one for one in short if not one.startswith("--model.encoder.")]
        train(module, [*arguments, *short, "--trainer.devices=1"])


@pytest.fixture
def files_of_the_readme(in_folder, monkeypatch):
    write_classes(in_folder / "clips", clips_per_class=4)
    write_clip(in_folder / "clip.mp4", num_frames=50)
    clips = sorted((in_folder / "clips").rglob("*.mp4"))
    rows = [f"{clip},{clip},{clip.parent.name},{k % 2}" for k, clip in enumerate(clips)]
    parts = {"0": "train", "1": "test"}
    rows = [",".join([*row.split(",")[:3], parts[row[-1]]]) for row in rows]
    (in_folder / "list.csv").write_text("\n".join(["path,file,label,part", *rows]))
    write_reviews(in_folder / "reviews.csv", count=20)
    for name in ("other.csv", "more.csv"):
        shutil.copy(in_folder / "reviews.csv", in_folder / name)
    reviews = pandas.read_csv(in_folder / "reviews.csv")
    reviews.assign(movie=range(len(reviews))).to_parquet(in_folder / "reviews.parquet")
    (in_folder / "text.txt").write_text("ROMEO: Who art thou? " * 40)
    for label, words in (("good", "fine film"), ("bad", "dull film")):
        for k in range(10):
            file = in_folder / "texts" / label / f"{k}.txt"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(f"{words} {'very ' * k}")
    shutil.copytree(ROOT / "pipelines", in_folder / "pipelines")
    small = partial(
        video_example, train_clips_per_class=2, val_clips_per_class=1, test_clips_per_class=1
    )
    monkeypatch.setattr("data.video.video_example", small)
    monkeypatch.setattr("data.text.sentiment_example", lambda: in_folder / "reviews.csv")
    return in_folder


def test_every_command_runs(files_of_the_readme, capsys):
    assert len(COMMANDS) >= 12
    for command in COMMANDS:
        for words in dry_run(command):
            if OF_THE_HUB not in command:
                run_short(words)
    out = capsys.readouterr().out
    assert "positive=" in out or "good=" in out
    reports = files_of_the_readme.glob("runs/*/*/report/report.json")
    runs = {report.resolve() for report in reports}  # `latest` leads to one of them
    reporting = [c for c in COMMANDS if "train-" in c or "evaluate-" in c]
    assert len(runs) == sum(len(dry_run(command)) for command in reporting) - 1


def test_make_passes_what_people_type():
    (words,) = dry_run("""make predict-sentiment CKPT=a.ckpt TEXT='it'"'"'s "fine" & $5; really'""")
    assert words[-1] == '--text=it\'s "fine" & $5; really'
    (words,) = dry_run("""make doctor DATA="it's my/clips" ARGS=--out=x.csv""")
    assert words[3:] == ["--data.path=it's my/clips", "--out=x.csv"]
    (words,) = dry_run("make train-video DATA='my clips/list.csv' ARGS='--a=1 --b=2'")
    assert words[3:] == ["--data.path=my clips/list.csv", "--a=1", "--b=2"]


def test_help_lists_every_target():
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z-]+):.*##", makefile, flags=re.MULTILINE))
    assert targets == set(re.findall(r"make ([a-z-]+)", make("help")))
    named = {command.split()[1] for command in COMMANDS}
    assert named | {"test", "lint", "bench", "help"} <= targets
