"""Export of language models: whole texts, and single tokens with the state.

B texts · T tokens of the longest · V tokens in the vocabulary
"""

from functools import partial

import torch

from data.files.checkpoint import Saved
from data.tokens.vocabulary import END, UNKNOWN
from models.forms.language import LanguageForm, LanguageStepForm
from models.sequence.language_model import LanguageModel
from pipelines.export.kinds.steps import EXAMPLE
from pipelines.export.tracing.exported import Check, Exported, Sizes, padded, random_lengths, zeros
from pipelines.export.tracing.graphs import Graph
from pipelines.tasks.text_checkpoints import language_of, tokenizer_of


def export_language(saved: Saved, *, where: str, trust: str | None) -> Exported:
    """The graphs of a language model; see `Kind.exported_by`.

    Args:
        saved: content of its checkpoint.
        where: name of the file in errors.
        trust: see `checkpoints.load`.
    """
    task = language_of(saved, where=where, trust=trust)
    tokenizer, model = tokenizer_of(task), task.model
    form = LanguageStepForm(model).eval()
    state = form.start(EXAMPLE["batch"])
    tokens = torch.zeros(EXAMPLE["batch"], EXAMPLE["time"], dtype=torch.int64)
    graphs = {
        "model.onnx": Graph(
            LanguageForm(model).eval(),
            (tokens, random_lengths(EXAMPLE)),
            {"tokens": {0: "batch", 1: "time"}, "lengths": {0: "batch"}},
            ("log_probabilities",),
        ),
        "step.onnx": Graph(
            form,
            (tokens[:, 0], state),
            {"tokens": {0: "batch"}, **{f"state.{name}": {1: "batch"} for name in state}},
            ("log_probabilities", *(f"next.{name}" for name in state)),
        ),
    }
    num_tokens = tokenizer.get_vocab_size()
    checks = {
        "model.onnx": partial(_check_whole, model, num_tokens),
        "step.onnx": partial(_check_steps, model, num_tokens),
    }
    never = tokenizer.token_to_id(UNKNOWN)
    about = {
        "answers": "continuation",
        "steps": "tokens",
        "end": tokenizer.token_to_id(END),
        "never": [] if never is None else [never],
    }
    return Exported(graphs, checks, about, saved.description["inputs"]["tokenizer"])


@torch.no_grad()
def _check_whole(model: LanguageModel, num_tokens: int, sizes: Sizes) -> Check:
    lengths = random_lengths(sizes)
    generator = torch.Generator().manual_seed(0)
    flat = torch.randint(num_tokens, (int(lengths.sum()),), generator=generator)
    due = padded(model(flat, lengths)[0], lengths)
    valid = torch.arange(sizes["time"]) < lengths.unsqueeze(1)
    due = due.masked_fill(~valid.unsqueeze(2), torch.nan)  # on padding nothing counts
    feed = {"tokens": padded(flat, lengths), "lengths": lengths}
    return Check(sizes, [feed], {"log_probabilities": due})


@torch.no_grad()
def _check_steps(model: LanguageModel, num_tokens: int, sizes: Sizes) -> Check:
    generator = torch.Generator().manual_seed(0)
    tokens = torch.randint(num_tokens, (sizes["batch"], sizes["time"]), generator=generator)
    lengths = torch.full((sizes["batch"],), sizes["time"])
    due = model(tokens.flatten(), lengths)[0].unflatten(0, tokens.shape)[:, -1]
    start = zeros(LanguageStepForm(model).start(sizes["batch"]))
    feeds = [{"tokens": one} | (start if k == 0 else {}) for k, one in enumerate(tokens.unbind(1))]
    return Check(sizes, feeds, {"log_probabilities": due})
