"""A saved model's answer to a person's own clip or text."""

import sys
from pathlib import Path

import numpy as np
import torch
from jsonargparse import ArgumentParser
from tokenizers import Tokenizer
from torch import Tensor

from data.decode import read_frames
from data.errors import InputError
from data.probe import UnreadableError
from data.text_part import windows
from data.video import reading_of
from data.vocabulary import clean
from pipelines.checkpoints import load
from pipelines.classify import SequenceClassifier
from pipelines.errors import one_line_errors


def predict(model: SequenceClassifier, steps: Tensor) -> dict[str, float]:
    """Probability of each class, the most probable first, for one sequence of steps (T, …)."""
    with torch.inference_mode():
        scores = model(steps, torch.tensor([len(steps)]))[0]
    probabilities = scores.double().softmax(0).tolist()
    pairs = zip(model.classes, probabilities, strict=True)
    return dict(sorted(pairs, key=lambda pair: -pair[1]))


def text_steps(model: SequenceClassifier, text: str) -> Tensor:
    """The tokens of a text, (T,) or (T, G), as the model was trained on them."""
    tokenizer = Tokenizer.from_str(model.description["inputs"]["tokenizer"])
    tokens = tokenizer.encode(clean(text)).ids
    if not tokens:
        raise InputError(f"TEXT='{text}': holds no word; give a text of at least one")
    ngrams = model.description["data"].get("ngrams", 1)
    steps = windows(np.asarray(tokens, np.int64), np.array([len(tokens)]), ngrams=ngrams)
    return torch.from_numpy(steps)


def video_steps(model: SequenceClassifier, path: Path) -> Tensor:
    """The frames (T, 3, H, W) of a clip, as the model was trained on them."""
    if not path.is_file():
        raise InputError(f"INPUT={path}: no such file; give a video file")
    try:
        frames = read_frames(path, **reading_of(model.description["inputs"])._asdict())
    except UnreadableError as error:
        raise InputError(f"INPUT={path}: {error}; give a video file that plays") from error
    return torch.from_numpy(frames.pixels)


def main(args: list[str] | None = None) -> None:
    """``python -m pipelines.predict --ckpt=… --text=… | --input=…``."""
    parser = ArgumentParser(description="A saved model's answer to one clip or text.")
    parser.add_argument("--ckpt", type=str, required=True, help="the checkpoint")
    parser.add_argument("--task", type=str | None, default=None, help="video or sentiment")
    parser.add_argument("--text", type=str | None, default=None, help="a text to classify")
    parser.add_argument("--input", type=str | None, default=None, help="a clip to classify")
    options = parser.parse_args(sys.argv[1:] if args is None else args)
    with one_line_errors():
        model = load(Path(options.ckpt), task=options.task)
        if model.description["task"] == "sentiment":
            if options.text is None:
                raise InputError('TEXT is missing: give the text to classify, TEXT="…"')
            steps = text_steps(model, options.text)
        else:
            if options.input is None:
                raise InputError("INPUT is missing: give the clip to classify, INPUT=clip.mp4")
            steps = video_steps(model, Path(options.input))
        answer = predict(model, steps)
        print(next(iter(answer)), *(f"{name}={p:.4f}" for name, p in answer.items()), sep="\t")


if __name__ == "__main__":
    main()
