"""Command ``make microscope CKPT=… INPUT=…``: behaviour of a trained recurrence's units on real data.

T steps · W steps of the window · H hidden size
"""

import sys
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from tqdm import tqdm

from data.files.atomic_write import write_whole
from data.files.checkpoint import read_saved
from data.files.errors import InputError
from models.recurrence.traces import cells_of, state_after, trace
from pipelines.microscope.page import Seen, microscope_page
from pipelines.microscope.specimen import (
    Specimen,
    language_specimen,
    text_of,
    text_specimen,
    video_specimen,
)
from pipelines.microscope.unit_ranking import Finding, States, Unit, rank_units
from pipelines.runs.run_folders import create_run, name_run
from pipelines.runtime.commands import COMMANDS
from pipelines.runtime.errors import one_line_errors
from pipelines.runtime.escaping import excerpt
from pipelines.runtime.options import option_parser, parse
from pipelines.runtime.processor import prepare_processor
from pipelines.runtime.strict_json import json_text
from pipelines.tasks.allowed_classes import TRUST_HELP
from pipelines.tasks.checkpoints import load
from pipelines.tasks.kinds import KINDS
from pipelines.tasks.text_checkpoints import load_language

TASK = "microscope"
Syntax = Literal["c", "script", "prose", "guess"]
MAX_SHOWN = 6
MIN_STEPS = 4


class Observation(NamedTuple):
    """States and gates recorded while a specimen is read."""

    states: list[States]
    """All states of every layer and direction, at all T steps."""
    window: list[dict[str, np.ndarray]]
    """For each layer and direction: gates and states (W, H) by name, at the steps of the window."""


def observe(specimen: Specimen, window: slice) -> Observation:
    """Read a specimen to its end: in pieces with carried state, or at once if bidirectional."""
    recurrence = specimen.recurrence
    cells = cells_of(recurrence)
    is_forward = recurrence.num_directions == 1
    kept = [
        {
            name: np.empty((specimen.num_steps, cell.hidden_size), np.float32)
            for name in cell.state_names
        }
        for cell in cells
    ]
    shown: list[dict[str, list[np.ndarray]]] = [{} for _ in cells]
    state, start = None, 0
    with torch.inference_mode():
        pieces = specimen.inputs() if is_forward else [torch.cat(list(specimen.inputs()))]
        with tqdm(total=specimen.num_steps, desc="Reading", unit="step", disable=None) as bar:
            for piece in pieces:
                traces = trace(recurrence, piece, state)
                state = state_after(recurrence, traces) if is_forward else None
                end = start + len(piece)
                seen = slice(max(window.start - start, 0), max(window.stop - start, 0))
                for one, keep, show in zip(traces, kept, shown, strict=True):
                    for name, values in keep.items():
                        values[start:end] = one[name].numpy()
                    for name, part in one.items():
                        show.setdefault(name, []).append(part[seen].numpy().copy())
                bar.update(len(piece))
                start = end
    num_directions = recurrence.num_directions
    states = [
        States(k // num_directions + 1, k % num_directions == 1, name, values)
        for k, keep in enumerate(kept)
        for name, values in reversed(keep.items())
    ]
    _refuse_not_finite(states)
    window_traces = [{name: np.concatenate(v) for name, v in one.items()} for one in shown]
    return Observation(states, window_traces)


def _refuse_not_finite(states: list[States]) -> None:
    for one in states:
        is_finite = np.isfinite(one.values).all(1)
        if not is_finite.all():
            raise InputError(
                f"CKPT: from step {int(is_finite.argmin()):,} of this input on its states are not"
                f" finite (NaN or infinite, in layer {one.layer}); they say nothing of units"
            )


def look(specimen: Specimen, *, window: slice, top: int, units: list[str]) -> Seen:
    """Observe a specimen, rank its units, and choose those to show.

    Args:
        specimen: the input and the recurrence that reads it.
        window: the steps that are shown.
        top: number of units listed for each track.
        units: names of the units to show; if empty, the best unit of each track.

    Raises:
        InputError: too few steps, a window that begins behind the last step, or an unknown unit.
    """
    if specimen.num_steps < MIN_STEPS:
        raise InputError(
            f"INPUT: {specimen.num_steps} {specimen.step}(s); two halves need at least {MIN_STEPS}"
        )
    if window.start >= specimen.num_steps:
        raise InputError(
            f"--window: begins at step {window.start:,}, but {specimen.num_steps:,} were read; begin"
            " before that"
        )
    window = slice(window.start, min(window.stop, specimen.num_steps))
    observation = observe(specimen, window)
    states = observation.states
    by_name = {unit.name: unit for one in states for unit in one.units()}
    for name in units:
        if name not in by_name:
            first, *_, last = by_name
            raise InputError(
                f"--units={name}: no such unit; there are {len(by_name):,}, {first} to {last}"
                " (layer.state.number)"
            )
    ranked, left_out = rank_units(states, specimen.tracks, top=len(by_name) if units else top)
    shown: dict[Unit, Finding | None] = {}
    for name in units:
        own = [one for findings in ranked for one in findings if one.unit.name == name]
        shown[by_name[name]] = max(own, key=lambda one: one.strength, default=None)
    if not units:
        for best, *_ in ranked:
            if len(shown) < MAX_SHOWN:
                shown.setdefault(best.unit, best)
    if not shown:
        shown = dict.fromkeys(_liveliest(states[-1], 3))
    table = [one for findings in ranked for one in findings[:top]]
    return Seen(specimen, window, observation.window, states, table, left_out, shown)


def _liveliest(states: States, count: int) -> list[Unit]:
    """Units whose values vary most over the steps."""
    order = np.argsort(-states.values.std(0), kind="stable")[:count]
    return [states.units()[k] for k in order]


def figures(seen: Seen, *, checkpoint: str) -> dict[str, Any]:
    """Convert the findings to plain values."""
    specimen = seen.specimen
    return {
        "checkpoint": checkpoint,
        "source": specimen.source,
        "syntax": specimen.syntax,
        "step": specimen.step,
        "num_steps": specimen.num_steps,
        "is_whole": specimen.is_whole,
        "num_units": sum(one.values.shape[1] for one in seen.states),
        "window": [seen.window.start, seen.window.stop],
        "shown": [unit.name for unit in seen.shown],
        "findings": [one.plain() for one in seen.findings],
        "left_out": seen.left_out,
    }


def ranking_text(seen: Seen) -> str:
    """Format the ranking for the terminal."""
    lines = []
    for measure, title in (("auc", "AUC"), ("correlation", "correlation")):
        rows = [one for one in seen.findings if one.measure == measure]
        if rows:
            lines.append(f"{'':26}{'unit':>10}{'':8}{title}: chosen on, other half")
        for one in rows:
            goes = "rises" if one.sign > 0 else "falls"
            lines.append(
                f"{one.track:26}{one.unit.name:>10}  {goes}{one.first:>17.3f}{one.second:>12.3f}"
            )
    return "\n".join([*lines, *(f"Left out: {line}" for line in seen.left_out)])


def main(args: list[str] | None = None) -> None:
    """Run ``python -m pipelines.microscope --ckpt=… --input=… | --text=…``."""
    parser = option_parser("microscope", COMMANDS["microscope"].help)
    parser.add_argument("--ckpt", type=str | None, default=None, help="the checkpoint")
    parser.add_argument("--trust", type=str | None, default=None, help=TRUST_HELP)
    parser.add_argument("--input", type=str, default=None, help="a text file, or a clip")
    parser.add_argument("--text", type=str, default=None, help="a text, instead of a file")
    parser.add_argument("--run", type=str | None, default=None, help="name of the run")
    parser.add_argument("--out", type=str | None, default=None, help="another folder for the page")
    parser.add_argument("--units", type=list[str], default=[], help="to show, e.g. [1.c.37]")
    parser.add_argument("--top", type=int, default=3, help="units told for each track")
    parser.add_argument("--window", type=str, default="0:600", help="steps shown, start:length")
    parser.add_argument("--steps", type=int, default=100_000, help="the most that are read")
    parser.add_argument("--member", type=int, default=0, help="of several models")
    parser.add_argument("--syntax", type=Syntax, default="guess", help="of a text")
    with one_line_errors():
        options = parse(parser, sys.argv[1:] if args is None else args)
        prepare_processor()
        window = _checked(options)
        folder = _place(options.out, options.run)
        seen = look(_specimen(options), window=window, top=options.top, units=options.units)
        if options.out is None:
            create_run(TASK, folder.name, is_training=False)
        found = figures(seen, checkpoint=options.ckpt)
        write_whole(folder / "microscope.json", json_text(found))
        print(ranking_text(seen))
        write_whole(folder / "microscope.html", microscope_page(seen, checkpoint=options.ckpt))
        print(f"Page: {folder / 'microscope.html'}")


def _checked(options: Any) -> slice:
    """Check the options and parse the window."""
    if options.ckpt is None:
        raise InputError(
            "CKPT is missing: name a checkpoint, runs/<task>/<name>/checkpoints/….ckpt"
        )
    if options.top < 1:
        raise InputError(f"--top={options.top}: at least 1 unit for each track")
    if options.steps < MIN_STEPS:
        raise InputError(f"--steps={options.steps}: two halves need at least {MIN_STEPS}")
    start, _, length = options.window.partition(":")
    if not (start.isdecimal() and length.isdecimal() and int(length) > 0):
        raise InputError(f"--window={options.window}: give start:length, e.g. 1200:600")
    return slice(int(start), int(start) + int(length))


def _place(out: str | None, run: str | None) -> Path:
    """Choose the folder of the results; one that already holds results is refused."""
    if out is None:
        return Path("runs") / TASK / name_run(TASK, run)
    if (Path(out) / "microscope.html").exists() or Path(out).is_file():
        raise InputError(f"--out={out}: is there already and is never overwritten; name another")
    return Path(out)


def _specimen(options: Any) -> Specimen:
    task = read_saved(Path(options.ckpt)).description["task"]
    kind = KINDS.get(task)
    if kind is None or kind.specimen is None:
        raise InputError(
            f"CKPT={options.ckpt}: is a model for {excerpt(task)}, and the microscope looks at those of"
            " texts and clips; give one of these"
        )
    found: Specimen = kind.specimen(options)
    return found


def specimen_of_clip(options: Any) -> Specimen:
    """Make the specimen of a clip that a classifier reads."""
    if options.input is None or options.text is not None:
        raise InputError("INPUT is missing: this model reads clips; give one, INPUT=clip.mp4")
    return video_specimen(
        load(Path(options.ckpt), trust=options.trust),
        Path(options.input),
        member=options.member,
        most=options.steps,
    )


def specimen_of_text(options: Any) -> Specimen:
    """Make the specimen of a text that a classifier reads."""
    model = load(Path(options.ckpt), trust=options.trust)
    text, how = _text(options)
    return text_specimen(model, text, member=options.member, **how)


def specimen_of_running_text(options: Any) -> Specimen:
    """Make the specimen of a text that a language model reads."""
    model = load_language(Path(options.ckpt), trust=options.trust)
    text, how = _text(options)
    return language_specimen(model, text, **how)


def _text(options: Any) -> tuple[str, dict[str, Any]]:
    """Read the text, and collect its source, step limit and syntax."""
    text, source = text_of(options.text, options.input)
    syntax = None if options.syntax == "guess" else options.syntax
    return text, {"source": source, "most": options.steps, "syntax": syntax}
