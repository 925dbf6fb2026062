"""Export of captioners and translators: what is remembered of a source, and the decoder's step.

B sources · K hypotheses of each · T source steps of the longest · S remembered steps
"""

from functools import partial
from typing import Any

import torch
from torch import Tensor

from data.files.checkpoint import Saved
from data.tokens.vocabulary import UNKNOWN_ID
from models.forms.writer import DecoderStepForm, SourceForm
from models.sequence.encoder_decoder import EncoderDecoder, Memory
from pipelines.export.kinds.steps import EXAMPLE, Steps, check_frames, frame_graph
from pipelines.export.tracing.exported import Check, Exported, Sizes, padded, random_lengths
from pipelines.export.tracing.graphs import Graph
from pipelines.tasks.text_checkpoints import source_to_text_of

_BEAM = 3


def export_writer(saved: Saved, *, where: str, trust: str | None) -> Exported:
    """The graphs of a captioner or translator; see `Kind.exported_by`.

    Args:
        saved: content of its checkpoint.
        where: name of the file in errors.
        trust: see `checkpoints.load`.
    """
    model = source_to_text_of(saved, where=where, trust=trust)
    whole, encoder = model.model, model.model.source.encoder
    steps = Steps(encoder, saved.description)
    memory = _remembered(whole, steps, EXAMPLE)
    graphs = {
        "source.onnx": Graph(
            SourceForm(whole).eval(),
            (steps.padded(EXAMPLE), random_lengths(EXAMPLE)),
            {"steps": {0: "batch", 1: "time"}, "lengths": {0: "batch"}},
            tuple(memory),
        ),
        "step.onnx": _step_graph(whole, memory),
    }
    checks: dict[str, Any] = {
        "source.onnx": partial(_check_source, whole, steps),
        "step.onnx": partial(_check_step, whole, steps, model.end),
    }
    if steps.are_frames:
        graphs["encoder.onnx"] = frame_graph(encoder, steps.size_px)
        checks["encoder.onnx"] = partial(check_frames, encoder, steps.size_px)
    about = {
        "answers": "text",
        **steps.about(),
        "search": {
            "beam": model.beam,
            "length_power": model.length_power,
            "blocked_ngram": model.blocked_ngram,
            "max_tokens": model.max_tokens,
            "end": model.end,
            "never": [UNKNOWN_ID],
            # An answer to a long text may be long.
            "twice_the_source": not steps.are_frames,
        },
    }
    return Exported(graphs, checks, about, saved.description["inputs"]["tokenizer"])


def _remembered(model: EncoderDecoder, steps: Steps, sizes: Sizes) -> dict[str, Tensor]:
    """Memory of the trained model for random sources, by the names of the graph."""
    lengths = random_lengths(sizes)
    flat = steps.flat(int(lengths.sum()))
    with torch.no_grad():
        memory = model.remember(flat, lengths, is_encoded=steps.are_frames)
    found = dict(zip(model.decoder.recurrence.state_names, memory.state, strict=True))
    if memory.attended is not None:
        found |= memory.attended._asdict()
    if memory.summary is not None:
        found["summary"] = memory.summary
    return found


def _step_graph(model: EncoderDecoder, memory: dict[str, Tensor]) -> Graph:
    names = model.decoder.recurrence.state_names
    state = {name: memory[name].unsqueeze(2).repeat(1, 1, _BEAM, 1) for name in names}
    rest = {name: value for name, value in memory.items() if name not in names}
    axes = {name: {0: "batch"} if name == "summary" else {0: "batch", 1: "source"} for name in rest}
    outputs = ["log_probabilities", *(f"next.{name}" for name in names)]
    tokens = torch.zeros(EXAMPLE["batch"], _BEAM, dtype=torch.int64)
    return Graph(
        DecoderStepForm(model).eval(),
        (tokens, state, *([rest] if rest else [])),
        {
            "tokens": {0: "batch", 1: "beam"},
            **{f"state.{name}": {1: "batch", 2: "beam"} for name in names},
            **axes,
        },
        (*outputs, *(["attention"] if model.attention is not None else [])),
    )


def _check_source(model: EncoderDecoder, steps: Steps, sizes: Sizes) -> Check:
    lengths = random_lengths(sizes)
    flat = steps.flat(int(lengths.sum()))
    due = _remembered(model, steps, sizes)
    # On padding nothing counts.
    padding = due.get("is_padding")
    for name in ("values", "keys"):
        if name in due and padding is not None:
            due[name] = due[name].masked_fill(padding.unsqueeze(2), torch.nan)
    return Check(sizes, [{"steps": padded(flat, lengths), "lengths": lengths}], due)


@torch.no_grad()
def _check_step(model: EncoderDecoder, steps: Steps, end: int, sizes: Sizes) -> Check:
    """Three tokens of random hypotheses, one after the other, against the trained decoder."""
    batch, beam = sizes["batch"], sizes["time"] % 4 + 1
    memory = _remembered(model, steps, sizes)
    names = model.decoder.recurrence.state_names
    rest = {name: value for name, value in memory.items() if name not in names}
    generator = torch.Generator().manual_seed(1)
    tokens = torch.randint(end + 1, (3, batch, beam), generator=generator)
    lengths = random_lengths(sizes)
    whole: Memory = model.remember(
        steps.flat(int(lengths.sum())), lengths, is_encoded=steps.are_frames
    )
    state = tuple(part.repeat_interleave(beam, 1) for part in whole.state)
    feeds = [{"tokens": one, **rest} for one in tokens]
    feeds[0] |= {f"state.{name}": memory[name].unsqueeze(2).repeat(1, 1, beam, 1) for name in names}
    for one in tokens:
        scores, state, weights = model.step(one.flatten(), state, whole)
    due = {"log_probabilities": scores.unflatten(0, (batch, beam))}
    if model.attention is not None:
        due["attention"] = weights.unflatten(0, (batch, beam))
    return Check({**sizes, "beam": beam}, feeds, due)
