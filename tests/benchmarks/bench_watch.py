"""Watching a long clip and a long text step by step, beside predicting them at once.

python -m tests.benchmarks.bench_watch

Models have the sizes of `make train-video`, and of one member of `make train-sentiment` without n-grams;
they are not trained. Each command is a process of one thread, and seconds are those of the processor,
the decoding process included; the same command on a single frame or word is taken off.
"""

import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

from tests import ROOT
from tests.benchmarks.measure import SHARED_DATA, machine
from tests.clips import numbered, write_video
from tests.pipelines.saved_models import (
    about_clips,
    part,
    sentiment_model,
    tokenizer,
    video_model,
    write_saved,
)

ROUNDS = 3
NUM_WORDS = 50_000
LONG = SHARED_DATA / "long" / "rail_10min.mp4"
SENTENCE = "a fine lovely film and an awful dull bore "


def seconds_of(module: str, *options: str) -> float:
    """The least seconds of the processor of some rounds of a command."""
    command = [sys.executable, "-m", f"pipelines.{module}", *options]
    taken = []
    for _ in range(ROUNDS):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(
            command,
            cwd=ROOT,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=True,
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        taken.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(taken)


def told(
    name: str, module: str, ckpt: Path, option: str, long: Path, short: Path, steps: int
) -> None:
    """Print a row: steps a second."""
    own = ["--every_seconds=1000000"] if module == "watch" else []
    long_seconds, short_seconds = (
        seconds_of(module, f"--ckpt={ckpt}", f"--{option}={source}", *own)
        for source in (long, short)
    )
    seconds = long_seconds - short_seconds
    print(f"| {name} | {seconds:.1f} s | {steps / seconds:,.0f} |", flush=True)


def main() -> None:
    """Print the figures."""
    print(f"\n{machine()}, one thread\n\n| | processor | steps a second |\n|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        clips, texts = place / "v.ckpt", place / "t.ckpt"
        recurrence = part("LSTM", hidden_size=128)
        encoder = part("SmallCNN", features=128, width=16)
        model = video_model(recurrence=recurrence) | {"encoder": encoder}
        write_saved(clips, "video", model=model, inputs=about_clips(size_px=64))
        encoder = part("WordEmbedding", features=100, num_tokens=tokenizer().get_vocab_size())
        write_saved(texts, model=sentiment_model(encoder=encoder, recurrence=recurrence))
        frame = write_video(place / "short.mp4", numbered(1))
        if LONG.is_file():
            told("watch, frames", "watch", clips, "source", LONG, frame, 15_024)
            told("predict, frames", "predict", clips, "input", LONG, frame, 15_024)
        else:
            print(f"left out: {LONG} is not there")
        long, short = place / "long.txt", place / "short.txt"
        num_sentences = NUM_WORDS // len(SENTENCE.split())
        long.write_text(SENTENCE * num_sentences)
        short.write_text("fine")
        num_words = num_sentences * len(SENTENCE.split())
        told("watch, words", "watch", texts, "source", long, short, num_words)
        told("predict, words", "predict", texts, "input", long, short, num_words)


if __name__ == "__main__":
    main()
