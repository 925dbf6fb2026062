"""Training and search of an encoder-decoder, each beside the way it is usually done, in one run.

python -m tests.benchmarks.bench_generation [--one-core]

``--one-core`` counts the processor's seconds in one thread, for a machine that others use too.

Training: our `EncoderDecoder`, whose attention stands after the recurrence, so that all tokens are read
by one call of the fused kernel; beside it a decoder that is fed its last attended output with each token
(Luong et al. 2015, §3.3) and therefore stepped in Python. Search: all sentences together; beside it one
sentence at a time, with the same outputs.

B sentences · D features of a token · H of each direction of the source, 2 H of the decoder · V tokens
"""

import sys
import time
from functools import partial

import torch
from torch import Tensor, nn

from models.encoders.words import WordEmbedding
from models.heads.attention import GeneralAttention
from models.recurrence.layout import Layout
from models.recurrence.recurrences import LSTM
from models.sequence.encoder_decoder import EncoderDecoder
from models.sequence.language_model import LanguageModel
from models.sequence.search import Hypothesis, beam_search
from models.sequence.sources import ReadSource
from pipelines.runtime.processor import prepare_processor
from tests.benchmarks.measure import in_turns, machine

FEATURES, HIDDEN, VOCABULARY, BEAM = 256, 256, 8_000, 5
END = VOCABULARY - 1
IS_ONE_CORE = "--one-core" in sys.argv
turns = partial(in_turns, clock=time.process_time if IS_ONE_CORE else time.perf_counter)
SHORTEST, LONGEST = 10, 20


def translator() -> EncoderDecoder:
    """Make a model of the sizes of the recipe."""
    encoder = WordEmbedding(VOCABULARY, features=FEATURES)
    recurrence = LSTM(FEATURES, hidden_size=HIDDEN, bidirectional=True)
    writer = LanguageModel(
        encoder,
        LSTM(FEATURES, hidden_size=2 * HIDDEN),
        num_tokens=VOCABULARY,
        dropout=0.3,
        tied=True,
        label_smoothing=0.1,
    )
    source = ReadSource(encoder, recurrence, dropout=0.3)
    return EncoderDecoder(source, writer, attention=GeneralAttention(2 * HIDDEN, 2 * HIDDEN))


class InputFeeding(nn.Module):
    """The same model, whose decoder also reads its last attended output, and is stepped.

    Args:
        scores_each: whether the scores of each step are computed at that step; else all at the end.
    """

    def __init__(self, *, scores_each: bool) -> None:
        super().__init__()
        self.model, self.scores_each = translator(), scores_each
        self.cell = nn.LSTMCell(FEATURES + 2 * HIDDEN, 2 * HIDDEN)

    def losses(self, batch: list[Tensor]) -> Tensor:
        source, source_lengths, tokens, lengths, targets = batch
        model, head = self.model, self.model.decoder.head
        memory = model.remember(source, source_lengths)
        layout = Layout(lengths, len(tokens))
        state, cell = (part[0] for part in memory.state)
        attended, found = torch.zeros_like(state), []
        for step in layout.pad(model.decoder.encoder(tokens)):
            state, cell = self.cell(torch.cat([step, attended], dim=1), (state, cell))
            attended = model._informed(state.unsqueeze(1), memory)[0].squeeze(1)
            found.append(head._scores(attended) if self.scores_each else attended)
        outputs = layout.unpad(torch.stack(found))
        if not self.scores_each:
            return head.losses(outputs, targets)
        return nn.functional.cross_entropy(outputs, targets, reduction="none", label_smoothing=0.1)


class UsualInputFeeding(nn.Module):
    """The same sizes as most people write them: a padded batch, a packed source, LSTM cells in a loop.

    Nothing in it is ours. Padding is computed along, and left out of the loss.
    """

    def __init__(self) -> None:
        super().__init__()
        size = 2 * HIDDEN
        self.embedding = nn.Embedding(VOCABULARY, FEATURES)
        self.source = nn.LSTM(FEATURES, HIDDEN, bidirectional=True, batch_first=True)
        self.bridge = nn.Linear(size, 2 * size)
        self.cell = nn.LSTMCell(FEATURES + size, size)
        self.keys = nn.Linear(size, size, bias=False)
        self.combine = nn.Linear(2 * size, size)
        self.project = nn.Linear(size, FEATURES, bias=False)
        self.scores = nn.Linear(FEATURES, VOCABULARY)
        self.scores.weight = self.embedding.weight
        self.dropout = nn.Dropout(0.3)

    def losses(self, batch: list[Tensor]) -> Tensor:
        flat_source, source_lengths, flat_tokens, lengths, flat_targets = batch
        padded = partial(nn.utils.rnn.pad_sequence, batch_first=True)
        source = padded(flat_source.split(source_lengths.tolist()))
        tokens = padded(flat_tokens.split(lengths.tolist()))
        targets = padded(flat_targets.split(lengths.tolist()), padding_value=-100)
        packed = nn.utils.rnn.pack_padded_sequence(
            self.embedding(source), source_lengths, batch_first=True, enforce_sorted=False
        )
        read, (last, _) = self.source(packed)
        memory = self.dropout(nn.utils.rnn.pad_packed_sequence(read, batch_first=True)[0])
        keys = self.keys(memory)
        is_padding = torch.arange(source.shape[1]) >= source_lengths.unsqueeze(1)
        state, cell = self.bridge(last.transpose(0, 1).flatten(1)).tanh().chunk(2, dim=1)
        attended, found = torch.zeros_like(state), []
        for step in self.embedding(tokens).unbind(1):
            state, cell = self.cell(torch.cat([step, attended], dim=1), (state, cell))
            weights = (keys @ state.unsqueeze(2)).squeeze(2).masked_fill(is_padding, -torch.inf)
            context = (weights.softmax(1).unsqueeze(1) @ memory).squeeze(1)
            attended = self.dropout(self.combine(torch.cat([context, state], dim=1)).tanh())
            found.append(self.scores(self.project(attended)))
        scores = torch.stack(found, dim=1).flatten(0, 1)
        return nn.functional.cross_entropy(scores, targets.flatten(), label_smoothing=0.1)


def batch_of(num_sentences: int) -> list[Tensor]:
    """Sources, their lengths, tokens to read, their numbers (END among them), tokens to write."""
    lengths = [torch.randint(SHORTEST, LONGEST + 1, (num_sentences,)) for _ in range(2)]
    lengths[1] += 1
    source, tokens, targets = (
        torch.randint(0, END, (int(some.sum()),)) for some in (*lengths, lengths[1])
    )
    return [source, lengths[0], tokens, lengths[1], targets]


def training(num_sentences: int) -> None:
    """Print the row of a training step: forward, backward, clipping, AdamW."""
    torch.manual_seed(0)
    batch = batch_of(num_sentences)
    ours = translator()
    fed = [*(InputFeeding(scores_each=each) for each in (False, True)), UsualInputFeeding()]

    def our_losses() -> Tensor:
        memory = ours.remember(*batch[:2])
        return ours.losses(memory, *batch[2:])

    def step_of(model, losses):
        optimizer = torch.optim.AdamW(model.parameters(), fused=True)

        def step() -> None:
            optimizer.zero_grad()
            losses().mean().backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()

        return step

    a, b = torch.randn(2048, 2048), torch.randn(2048, 2048)
    ours_s, *fed_s, product_s = turns(
        step_of(ours, our_losses),
        *(step_of(one, lambda one=one: one.losses(batch)) for one in fed),
        lambda: a @ b,
        rounds=5,
    )
    operations, peak = 3 * forward_operations(batch) / 1e9, 2 * 2048**3 / product_s / 1e9
    others = " | ".join(f"{one * 1e3:.0f} ms, {one / ours_s:.1f} ×" for one in fed_s)
    print(
        f"| {num_sentences} | {ours_s * 1e3:.0f} ms | {others} |"
        f" {operations:.1f} GFLOP | {operations / ours_s:.0f} of {peak:.0f} GFLOP/s"
        f" ({operations / ours_s / peak:.0%}) |",
        flush=True,
    )


def forward_operations(batch: list[Tensor]) -> float:
    """Operations of the matrix products of our forward pass; two a multiply-add."""
    source, _, tokens, *_ = batch
    size = 2 * HIDDEN
    read = 2 * 4 * HIDDEN * (FEATURES + HIDDEN) + size * size  # both directions, keys
    written = 4 * size * (FEATURES + size) + 2 * size * size + size * FEATURES
    written += FEATURES * VOCABULARY + 2 * LONGEST * size  # softmax; scores and contexts
    return 2.0 * (len(source) * read + len(tokens) * written)


def search(num_sentences: int) -> None:
    """Print the row of a beam search; each sentence's translation is as long as its target."""
    torch.manual_seed(0)
    source, lengths, _, target_lengths, _ = batch_of(num_sentences)
    model = translator().eval()
    for parameter in model.parameters():
        nn.init.normal_(parameter, std=0.06)  # scores that differ
    most = (target_lengths - 1).tolist()

    def found(steps: Tensor, lengths: Tensor, most: list[int]) -> list[Hypothesis]:
        with torch.inference_mode():
            memory = model.remember(steps, lengths)
            best = beam_search(model, memory, end=END, max_tokens=most, beam=BEAM)
        return [one[0] for one in best]

    parts = list(zip(source.split(lengths.tolist()), lengths.split(1), most, strict=True))

    def together() -> list[Hypothesis]:
        return found(source, lengths, most)

    def alone() -> list[Hypothesis]:
        return [found(steps, length, [limit])[0] for steps, length, limit in parts]

    same = sum(a.tokens == b.tokens for a, b in zip(together(), alone(), strict=True))
    together_s, alone_s = turns(together, alone, rounds=3)
    print(
        f"| {num_sentences} | {together_s * 1e3:.0f} ms | {alone_s * 1e3:.0f} ms |"
        f" {alone_s / together_s:.1f} × | {same} of {num_sentences} |",
        flush=True,
    )


def main() -> None:
    """Print both tables."""
    prepare_processor()
    if IS_ONE_CORE:
        torch.set_num_threads(1)
    clock = "the processor's seconds" if IS_ONE_CORE else "seconds"
    print(f"{machine()}, {torch.get_num_threads()} thread(s), {clock}; medians\n")
    print(
        "| sentences | ours | input feeding, scores at the end | input feeding, scores at each step |"
        " input feeding as usually written | floor | matrix products |\n|---|---|---|---|---|---|---|"
    )
    for count in (64, 32):
        training(count)
    print("\n| sentences | together | one at a time | ratio | same output |\n|---|---|---|---|---|")
    search(64)


if __name__ == "__main__":
    main()
