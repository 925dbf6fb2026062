"""Table of all commands, read by ``make help``, the tests and the help of each command.

It imports only the standard library, so that ``make help`` works before anything is installed and
every package may read it.
"""

from typing import NamedTuple


class Command(NamedTuple):
    """Command that is run by ``python -m pipelines.<name>``."""

    module: str
    """Module with ``main(args)``, which reads sys.argv if ``args`` is None."""
    help: str
    """Description in a few words."""
    targets: dict[str, str]
    """Targets of make that run it, each with its arguments."""
    variables: dict[str, str]
    """Variables of make, each with the option that it sets."""


_CKPT = {"CKPT": "ckpt"}
_RUN = {"RUN": "run"}
_TEST = {"DATA": "data.path", **_RUN}
_TRAIN = {**_TEST, "RESUME": "resume"}
_EVALUATE = "CKPT=… [DATA=…] [SPLIT=…] [RUN=name]"

COMMANDS = {
    "video": Command(
        "pipelines.video",
        "train on clips, test, report",
        {"train-video": "[DATA=folder|list.csv] [RUN=name [RESUME=1]] [ARGS=…]"},
        _TRAIN,
    ),
    "sentiment": Command(
        "pipelines.sentiment",
        "train on texts, test, report",
        {"train-sentiment": "[DATA=file|folder|hub-name] [RUN=name [RESUME=1]] [ARGS=…]"},
        _TRAIN,
    ),
    "sentiment_best": Command(
        "pipelines.sentiment_best",
        "train a teacher, and a student that learns from texts without labels too",
        {"train-sentiment-best": "UNLABELLED=file|folder [DATA=…] [RUN=name] [ARGS=…]"},
        {**_TEST, "UNLABELLED": "data.unlabelled"},
    ),
    "language": Command(
        "pipelines.language",
        "train a language model, report",
        {"train-language": "[DATA=file|folder] [RUN=name [RESUME=1]] [ARGS=…]"},
        _TRAIN,
    ),
    "translation": Command(
        "pipelines.translation",
        "train on pairs of texts, test, report",
        {"train-translation": "[DATA=table|a.en:a.de|hub-name] [RUN=name [RESUME=1]] [ARGS=…]"},
        _TRAIN,
    ),
    "captions": Command(
        "pipelines.captions",
        "train on pictures or clips, test, report",
        {"train-captions": "[DATA=captions.csv|captions.json] [RUN=name [RESUME=1]] [ARGS=…]"},
        _TRAIN,
    ),
    "evaluate": Command(
        "pipelines.evaluate",
        "test a saved model, report",
        {
            f"evaluate-{kind}": _EVALUATE
            for kind in ("video", "sentiment", "translation", "captions")
        },
        {**_CKPT, **_TEST, "SPLIT": "split"},
    ),
    "predict": Command(
        "pipelines.predict.command",
        "a saved model's answers",
        {
            "predict-video": "CKPT=… INPUT=clip|folder|'*.mp4' [ARGS=\"--overlay=out.mp4\"]",
            "predict-sentiment": 'CKPT=… TEXT="…"|INPUT=texts.csv|- [ARGS=--format=json]',
        },
        {**_CKPT, "TEXT": "text", "INPUT": "input"},
    ),
    "engine": Command(
        "pipelines.engine.command",
        "a saved model's answers to many items",
        {"predict-many": "CKPT=… INPUT=table|folder OUTPUT=folder [SHARD=i/n] [ARGS=…]"},
        {**_CKPT, "INPUT": "input", "OUTPUT": "output", "SHARD": "shard"},
    ),
    "sample": Command(
        "pipelines.sample",
        "a saved model's continuation",
        {"sample-language": 'CKPT=… PROMPT="…" [LENGTH=500] [ARGS=…]'},
        {**_CKPT, "PROMPT": "prompt", "LENGTH": "length"},
    ),
    "translate": Command(
        "pipelines.translate",
        "a saved model's translations",
        {"translate": 'CKPT=… TEXT="…"|INPUT=texts.txt|- [ARGS=--format=json]'},
        {**_CKPT, "TEXT": "text", "INPUT": "input"},
    ),
    "caption": Command(
        "pipelines.caption",
        "a saved model's captions",
        {"caption": "CKPT=… INPUT=photo|clip|folder [ARGS=--format=json]"},
        {**_CKPT, "INPUT": "input"},
    ),
    "watch": Command(
        "pipelines.watch.command",
        "a saved model's running answer on a stream",
        {"watch": "CKPT=… SOURCE=clip|camera:0|rtsp://…|http://…|- [ARGS=…]"},
        {**_CKPT, "SOURCE": "source"},
    ),
    "export": Command(
        "pipelines.export.command",
        "a saved model as a folder without PyTorch",
        {"export": "CKPT=… [RUN=name] [ARGS=--int8]"},
        {**_CKPT, **_RUN},
    ),
    "serve": Command(
        "pipelines.serve.command",
        "a page and an API for a saved model",
        {"serve": 'CKPT=… [PORT=8000] [ARGS="--host=… --token=…"]'},
        {**_CKPT, "PORT": "port"},
    ),
    "compare": Command(
        "pipelines.compare.command",
        "runs side by side",
        {"compare": 'RUNS="a b c" [RUN=name]'},
        {"RUNS": "runs", **_RUN},
    ),
    "behaviour": Command(
        "pipelines.behaviour.command",
        "does it hold on negation, names, typos?",
        {"behave": "CKPT=… [SUITE=tests.yaml] [TEXTS=texts.csv] [RUN=name] [OUTPUT=folder]"},
        {
            **_CKPT,
            "SUITE": "suite",
            "TEXTS": "texts",
            **_RUN,
            "OUTPUT": "output",
        },
    ),
    "memory_lab": Command(
        "pipelines.memory_lab.command",
        "RNN, GRU and LSTM side by side: a page",
        {"memory-lab": "[RUN=name] [ARGS=…]"},
        _RUN,
    ),
    "microscope": Command(
        "pipelines.microscope.command",
        "what single units do: a page",
        {"microscope": "CKPT=… INPUT=text.txt|clip.mp4 [RUN=name] [ARGS=…]"},
        {**_CKPT, "INPUT": "input", "TEXT": "text", **_RUN},
    ),
    "doctor": Command(
        "pipelines.doctor.command",
        "is anything wrong with these clips?",
        {"doctor": "DATA=folder|list.csv [ARGS=…]"},
        {"DATA": "data.path"},
    ),
}

if __name__ == "__main__":
    for command in COMMANDS.values():
        for target, typed in command.targets.items():
            print(f"  make {target:20} {command.help:39} {typed}")
