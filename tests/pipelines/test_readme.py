"""Every command of the documents, in its order, in the short form: small data, few steps."""

import io
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from contextlib import redirect_stdout
from functools import partial
from pathlib import Path
from unittest.mock import patch

import pandas
import pytest

from data.examples.caption_clips import caption_example
from data.examples.embedded import video_example
from data.examples.phrases import phrase_pairs
from pipelines import caption, evaluate, sample, sentiment_best, translate
from pipelines.behaviour import command as behaviour
from pipelines.cli.training import train
from pipelines.compare import command as compare
from pipelines.doctor import command as doctor
from pipelines.engine import command as engine
from pipelines.export import command as export
from pipelines.memory_lab import command as memory_lab
from pipelines.microscope import command as microscope
from pipelines.predict import command as predict
from pipelines.runtime.commands import COMMANDS
from pipelines.serve import command as serve
from pipelines.watch import command as watch
from tests import ROOT
from tests.clips import write_classes, write_clip
from tests.pictures import write_picture
from tests.pipelines.conftest import (
    CAPTIONS,
    LANGUAGE,
    SENTIMENT,
    TRANSLATION,
    VIDEO,
    WITHOUT_PARTS,
    write_reviews,
)

DOCUMENTS = {
    name: (ROOT / name).read_text()
    for name in ("README.md", "pipelines/README.md", "data/README.md")
}
TYPED_COMMANDS = {
    name: re.findall(r"^ {4}(make [a-z-]+.*?)(?: {2,}#.*)?$", text, flags=re.MULTILINE)
    for name, text in DOCUMENTS.items()
}
OPTION = r"--([a-z_][a-z0-9_]*(?:\.[a-z0-9_]+)*)"
OF_THE_HUB = "stanfordnlp/imdb"


# Stands in for Python: it runs nothing and tells what it was asked to run.
RECORDER = "import json, sys; print(json.dumps(sys.argv[1:]))"


def commands_of(command: str) -> list[list[str]]:
    """The words of each Python command that make runs for it, as the shell hands them over."""
    words = shlex.split(command)
    recorder = shlex.join([sys.executable, "-c", RECORDER])
    return [json.loads(line) for line in make(f"PY={recorder}", *words[1:]).splitlines()]


def make(*words: str) -> str:
    """Output of make, independent of a `make test` that these tests may run under."""
    own = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}
    command = ["make", "-f", str(ROOT / "Makefile"), *words]
    return subprocess.run(command, env=own, capture_output=True, text=True, check=True).stdout


def run_short(words: list[str]) -> None:
    module, arguments = words[1].removeprefix("pipelines."), words[2:]
    if module == "evaluate":
        evaluate.main([*arguments, "--trainer.enable_progress_bar=false"])
    elif module == "predict":
        predict.main(arguments)
    elif module == "engine":
        engine.main(arguments)
    elif module == "language":
        train("language", [*arguments, *LANGUAGE])
    elif module == "sample":
        sample.main([*arguments, "--length=5"])
    elif module == "translation":
        train("translation", [*arguments, *TRANSLATION])
    elif module == "captions":
        if any("--config" in one for one in arguments):
            # It has other parts, whose sizes are what they are.
            arguments += ["--model.encoder.pretrained=false", "--data.size_px=32"]
            train("captions", [*arguments, *WITHOUT_PARTS])
        else:
            train("captions", [*arguments, *CAPTIONS])
    elif module == "caption":
        caption.main(arguments)
    elif module == "watch":
        watch.main(arguments)
    elif module == "translate":
        translate.main(arguments)
    elif module == "sentiment_best":
        sentiment_best.main(arguments)  # its steps are run in the short form
    elif module == "export":
        export.main(arguments)
    elif module == "compare":
        compare.main(arguments)
    elif module == "behaviour":
        behaviour.main(arguments)
    elif module == "microscope":
        microscope.main(arguments)
    elif module == "memory_lab":
        memory_lab.main([*arguments, "--delays=[2]", "--num_steps=2", "--adding_num_steps=2"])
    elif module == "serve":
        # It would answer until it is ended.
        with patch("uvicorn.Server.run"):
            serve.main([*arguments, "--port=0"])
    elif module == "doctor":
        with pytest.raises(SystemExit) as left:
            doctor.main(arguments)
        assert left.value.code == 0
    else:
        short = VIDEO if module == "video" else SENTIMENT
        if any("pretrained" in one or "video-auto" in one for one in arguments):
            # It has another encoder, whose size is what it is.
            short = [one for one in short if not one.startswith("--model.encoder.")]
        train(module, [*arguments, *short, "--trainer.devices=1"])


def in_this_process(command: list[str], **_) -> None:
    """Where the examples are small."""
    if "--print_config" not in command:
        run_short(command[1:])


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
    sentences = [f"{clip},a {clip.parent.name} clip" for clip in clips]
    (in_folder / "captions.csv").write_text("\n".join(["path,caption", *sentences]))
    shutil.copy(write_picture(in_folder / "photo.png"), in_folder / "photo.jpg")
    pairs = [f"a dog {k}\tein Hund {k}" for k in range(30)]
    (in_folder / "pairs.tsv").write_text("\n".join(["source\ttarget", *pairs]))
    for k, name in enumerate(("train.en", "train.de")):
        (in_folder / name).write_text("\n".join(pair.split("\t")[k] for pair in pairs))
    for label, words in (("good", "fine film"), ("bad", "dull film")):
        for k in range(10):
            file = in_folder / "texts" / label / f"{k}.txt"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(f"{words} {'very ' * k}")
    shutil.copytree(ROOT / "pipelines", in_folder / "pipelines")
    small = partial(
        video_example, train_clips_per_class=2, val_clips_per_class=1, test_clips_per_class=1
    )
    monkeypatch.setattr("data.video.data_module.video_example", small)
    few = phrase_pairs()[::100]
    monkeypatch.setattr("data.translation.data_module.phrase_pairs", lambda: few)
    shapes = partial(caption_example, sizes={"train": 4, "val": 1, "test": 1}, show_progress=False)
    monkeypatch.setattr("data.captions.data_module.caption_example", shapes)
    monkeypatch.setattr(sentiment_best, "run_process", in_this_process)
    monkeypatch.setattr(
        "data.text.data_module.sentiment_example", lambda: in_folder / "reviews.csv"
    )
    return in_folder


def reports_below(folder: Path) -> set[Path]:
    """The reports of all runs, each once: `latest` leads to one of them."""
    return {report.resolve() for report in folder.glob("runs/*/*/report/report.json")}


@pytest.mark.timeout(1800)  # a minute or two by itself, many on a busy machine
@pytest.mark.parametrize(
    "name",
    [
        name if name == "README.md" else pytest.param(name, marks=pytest.mark.slow)
        for name in DOCUMENTS
    ],
)
def test_every_command_runs(name, files_of_the_readme, capsys):
    commands = [command for command in TYPED_COMMANDS[name] if OF_THE_HUB not in command]
    assert len(commands) >= 6
    for command in commands:
        before = reports_below(files_of_the_readme)
        for words in commands_of(command):
            run_short(words)
        reports = "train-" in command or "evaluate-" in command
        assert (reports_below(files_of_the_readme) > before) == reports, command
    out = capsys.readouterr().out
    asks = any("predict-sentiment" in command for command in commands)
    assert ("positive=" in out or "good=" in out) == asks


# Options of a class are listed where the class is chosen.
CLASSES = {
    "video": [
        *(
            f"model.encoder.help={name}"
            for name in ("SmallCNN", "EfficientNetLite0", "Backbone", "WithForeground")
        ),
        "model.inputs.help=StepInputs",
    ],
    "sentiment": [
        *(f"model.encoder.help={name}" for name in ("NgramEmbedding", "WordEmbedding", "OneHot")),
        *(f"model.recurrence.help={name}" for name in ("LSTM", "GRU", "RNN", "Unrolled")),
        "model.optimizer.help=torch.optim.AdamW",
    ],
    "language": [],
    "translation": [],
    "captions": ["model.encoder.help=EfficientNetLite2"],
}


@pytest.fixture(scope="module")
def known_options():
    """Names of all options of all commands, those of classes too."""
    mains = {task: partial(train, task) for task in CLASSES}
    asked = [(mains[task], f"--{one}") for task in CLASSES for one in ("help", *CLASSES[task])]
    others = (
        behaviour,
        evaluate,
        predict,
        sample,
        compare,
        microscope,
        memory_lab,
        doctor,
        sentiment_best,
    )
    others += (caption, translate, export, engine, serve, watch)
    asked += [(module.main, "--help") for module in others]
    shown = io.StringIO()
    for main, option in asked:
        with redirect_stdout(shown), pytest.raises(SystemExit) as left:
            main([option])
        assert left.value.code == 0
    return set(re.findall(OPTION, shown.getvalue()))


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_option_exists(name, known_options):
    # The options of a launcher stand before the command that it starts, and are not ours.
    ours = re.sub(r"^ +(torchrun|srun) .*?(?=pipelines\.)", "", DOCUMENTS[name], flags=re.MULTILINE)
    named = set(re.findall(OPTION, ours))
    assert named - known_options == set()


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_link_leads_somewhere(name):
    for target in re.findall(r"\]\(([^)\s]+)\)", DOCUMENTS[name]):
        path, _, section = target.partition("#")
        file = (ROOT / name).parent / path if path else ROOT / name
        assert file.exists(), target
        if section:
            titles = re.findall(r"^#+ (.+)$", file.read_text(), flags=re.MULTILINE)
            slugs = {re.sub(r"[^\w -]", "", one).lower().replace(" ", "-") for one in titles}
            assert section in slugs, target


def test_the_readme_is_short():
    assert len(DOCUMENTS["README.md"].splitlines()) <= 175


TYPED = [
    """it's "fine" & $5; $HOME really""",
    "costs $(5",
    "$(shell touch RAN) ${shell touch RAN} $(file >RAN,x) `touch RAN` $$(touch RAN)",
    "two\nlines\n",
    "a # b \\ c % d * ? ~ = [e] {f,g} !h",
    "déjà vu 🎬",
    "-",
]


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_make_passes_what_is_typed(in_folder, command):
    for target in command.targets:
        for k, (variable, option) in enumerate(command.variables.items()):
            typed = TYPED[k % len(TYPED)]
            (words,) = commands_of(shlex.join(["make", target, f"{variable}={typed}"]))
            assert words[1] == command.module.removesuffix(".command")
            assert words[-1] == f"--{option}={typed}"
    assert list(in_folder.iterdir()) == []


@pytest.mark.parametrize("typed", TYPED)
def test_make_passes_any_text(in_folder, typed):
    (words,) = commands_of(shlex.join(["make", "predict-sentiment", f"TEXT={typed}"]))
    assert words[-1] == f"--text={typed}"
    assert list(in_folder.iterdir()) == []


def test_make_passes_texts_without_labels_and_options(in_folder):
    data, run = "$(shell touch RAN)'s.csv", "it's ${shell touch RAN}"
    variables = {"DATA": data, "UNLABELLED": data, "RUN": run, "ARGS": "--a=1 '--b=c d'"}
    typed = [f"{name}={value}" for name, value in variables.items()]
    (words,) = commands_of(shlex.join(["make", "train-sentiment-best", *typed]))
    own = [f"--data.path={data}", f"--data.unlabelled={data}", f"--run={run}"]
    assert words == ["-m", "pipelines.sentiment_best", *own, "--a=1", "--b=c d"]
    assert commands_of("make train-sentiment-best") == [["-m", "pipelines.sentiment_best"]]
    assert list(in_folder.iterdir()) == []


def test_arguments_are_words_of_the_shell(in_folder):
    """Quotes hold them together, a line end parts them, and make expands nothing in them."""
    arguments = "--a=1 --b='$(shell touch RAN) c'\n--d=\"e f\""
    (words,) = commands_of(shlex.join(["make", "train-video", f"ARGS={arguments}", "DATA=my list"]))
    assert words[2:] == ["--data.path=my list", "--a=1", "--b=$(shell touch RAN) c", "--d=e f"]
    assert list(in_folder.iterdir()) == []


def test_what_is_not_typed_does_not_count(monkeypatch):
    monkeypatch.setenv("TEXT", "of the environment")
    assert commands_of("make predict-sentiment TEXT=") == commands_of("make predict-sentiment")
    assert commands_of("make predict-sentiment")[0][-1] == "--task=sentiment"


def test_help_lists_every_target():
    makefile = (ROOT / "Makefile").read_text()
    listed = re.findall(r"make ([a-z-]+)", make("help"))
    targets = set(re.findall(r"^([a-z-]+):", makefile, flags=re.MULTILINE))
    assert len(listed) == len(set(listed))
    assert set(listed) == targets
    assert set(listed) >= {target for command in COMMANDS.values() for target in command.targets}
    named = {command.split()[1] for some in TYPED_COMMANDS.values() for command in some}
    assert named <= targets
