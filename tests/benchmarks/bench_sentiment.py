"""Training on reviews: the command's way, a bare loop of the same model, and the usual loops.

python -m tests.benchmarks.bench_sentiment

All start from the same weights, and read whole reviews of the same training part. The bare loop has
its batches ready-made; what the command takes longer is what Lightning and the loader cost. The usual
loops are those of tutorials: batches of 64 reviews drawn at random, in packed sequences or padded to
the longest. They are measured with one model of words, which they can be given; the recipe of
sentiment.yaml, four models that know pairs of words, beside its bare loop alone. All are in one
process, which keeps its memory (`pipelines.runtime.processor`); the usual loops gain most by that.
"""

import copy
import itertools
import statistics
import time
from collections.abc import Callable
from functools import partial

import torch
from pytorch_lightning import Callback, Trainer
from torch import nn
from torch.nn.functional import cross_entropy
from torch.nn.utils.rnn import pack_sequence, pad_packed_sequence, pad_sequence

from data.batches.data_module import SequenceDataModule
from data.batches.ragged import RaggedBatch
from data.text.data_module import TextDataModule
from models.encoders.ngrams import NgramEmbedding
from models.encoders.words import WordEmbedding
from models.recurrence.recurrences import LSTM
from pipelines.preparation.embeddings import prepare_embeddings
from pipelines.runtime.library_warnings import ignore_noise
from pipelines.runtime.processor import prepare_processor
from pipelines.tasks.classification import Classification
from pipelines.training.waiting import WaitingTime
from tests.benchmarks.measure import machine

# As in sentiment.yaml.
FEATURES, CONTEXT, HIDDEN, GATED, RATE, BUDGET = 64, 128, 128, 32, 0.003, 8192
NUM_BATCHES, NUM_USUAL, ROUNDS = 60, 4, 5


class Clock(Callback):
    """Seconds from the first step's beginning to the last one's end."""

    seconds = 0.0

    def on_train_epoch_start(self, *_: object) -> None:
        """The loader is made before this."""
        self.seconds = -time.perf_counter()

    def on_train_epoch_end(self, *_: object) -> None:
        """The last step is over."""
        self.seconds += time.perf_counter()


def ours(
    model: Classification, data: SequenceDataModule, *, num_batches: int = NUM_BATCHES
) -> float:
    """Seconds of the command's own way."""
    clock = Clock()
    trainer = Trainer(
        max_epochs=1,
        limit_train_batches=num_batches,
        limit_val_batches=0,
        num_sanity_val_steps=0,
        gradient_clip_val=1.0,
        callbacks=[clock, WaitingTime()],
        logger=False,
        enable_checkpointing=False,
        enable_model_summary=False,
        enable_progress_bar=False,
        use_distributed_sampler=False,
    )
    trainer.fit(model.train(), datamodule=data)
    return clock.seconds


def bare(model: Classification, batches: list[RaggedBatch]) -> float:
    """Seconds of a loop with nothing but the model in it."""
    model.train()
    groups = model.model.parameters_by_member() or [list(model.model.parameters())]
    optimizer = torch.optim.AdamW(itertools.chain(*groups), lr=RATE, fused=True)
    start = time.perf_counter()
    for batch in batches:
        optimizer.zero_grad()
        features = model.encode(batch)
        losses = [
            cross_entropy(member.read(features, batch.lengths), batch.labels)
            for member in model.members
        ]
        torch.stack(losses).mean().backward()
        for group in groups:
            nn.utils.clip_grad_norm_(group, 1.0)
        optimizer.step()
    return time.perf_counter() - start


class Usual(nn.Module):
    """The usual way: the weights are those of a `ManyToOne`."""

    def __init__(self, model: Classification, *, packs: bool) -> None:
        super().__init__()
        reader = copy.deepcopy(model.members[0])
        self.packs = packs
        self.embedding = reader.encoder.embedding
        self.dropout, self.pooled_dropout = reader.encoder.dropout, reader.dropout
        self.lstm = nn.LSTM(HIDDEN, HIDDEN)
        self.lstm.load_state_dict(reader.recurrence.layers[0][0].fused.state_dict())
        self.head = reader.head

    def forward(self, texts: list[torch.Tensor]) -> torch.Tensor:
        """B texts → (B, 2)."""
        embedded = [self.dropout(self.embedding(text)) for text in texts]
        lengths = torch.tensor([len(text) for text in texts])
        if self.packs:
            outputs, _ = self.lstm(pack_sequence(embedded, enforce_sorted=False))
            padded, _ = pad_packed_sequence(outputs)
        else:
            padded, _ = self.lstm(pad_sequence(embedded))
        is_step = (torch.arange(len(padded))[:, None] < lengths)[..., None]
        last = padded[lengths - 1, torch.arange(len(texts))]
        highest = padded.masked_fill(~is_step, -torch.inf).amax(0)
        mean = (padded * is_step).sum(0) / lengths[:, None]
        return self.head(self.pooled_dropout(torch.cat([last, highest, mean], dim=1)))


def usual(model: Usual, batches: list[RaggedBatch]) -> float:
    """Seconds of a usual loop."""
    parameters = list(model.train().parameters())
    optimizer = torch.optim.AdamW(parameters, lr=RATE)
    start = time.perf_counter()
    for batch in batches:
        optimizer.zero_grad()
        texts = list(batch.steps.split(batch.lengths.tolist()))
        cross_entropy(model(texts), batch.labels).backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
    return time.perf_counter() - start


def classifier(data: TextDataModule, encoder: WordEmbedding, **options: object) -> Classification:
    """A model as in sentiment.yaml, but for its encoder and the number of members."""
    return Classification(
        encoder,
        partial(LSTM, hidden_size=HIDDEN),
        classes=data.classes,
        pooling="concat",
        dropout=0.5,
        optimizer=partial(torch.optim.AdamW, lr=RATE),
        **options,
    )


def one_of_words() -> None:
    """All ways, with one model of words."""
    data = TextDataModule(steps_per_batch=BUDGET)
    part = data.parts["train"]
    encoder = WordEmbedding(data.num_tokens, features=HIDDEN, dropout=0.5, word_dropout=0)
    model = classifier(data, encoder)
    ready = list(itertools.islice(data.train_dataloader(), NUM_BATCHES))
    drawn = torch.randperm(len(part))[: 64 * NUM_USUAL].view(NUM_USUAL, 64)
    random_batches = [part.__getitems__(row.tolist()) for row in drawn]
    ways: dict[str, tuple[Callable[[], float], list[RaggedBatch]]] = {
        "the command's way": (lambda: ours(copy.deepcopy(model), data), ready),
        "bare loop, batches ready-made": (lambda: bare(copy.deepcopy(model), ready), ready),
    }
    one = part.__getitems__(range(8))
    for name, packs in (("packed", True), ("padded", False)):
        reader = Usual(model, packs=packs).eval()
        # The same weights give the same answers all ways.
        texts = list(one.steps.split(one.lengths.tolist()))
        torch.testing.assert_close(
            reader(texts), model.eval()(one.steps, one.lengths), atol=1e-4, rtol=1e-3
        )
        way = partial(lambda reader: usual(copy.deepcopy(reader), random_batches), reader)
        ways[f"usual loop, {name}, random"] = way, random_batches
    show("one model of words", ways)


def recipe(data: TextDataModule) -> Classification:
    """The model of sentiment.yaml."""
    encoder = NgramEmbedding(
        data.num_tokens,
        ngrams=2,
        features=FEATURES,
        dropout=0.5,
        word_dropout=0.2,
        num_ngrams=100_000,
        ngram_features=32,
        ngram_dropout=0.5,
        context_features=CONTEXT,
    )
    options = {"members": 4, "shared_encoder": False, "gated_features": GATED}
    model = classifier(data, encoder, **options)
    prepare_embeddings(model.model.encoders, data)
    return model


def the_recipe() -> None:
    """The command's way and the bare loop, with the recipe of sentiment.yaml."""
    data = TextDataModule(steps_per_batch=BUDGET)
    model = recipe(data)
    ready = list(itertools.islice(data.train_dataloader(), NUM_BATCHES))
    show(
        "the recipe of sentiment.yaml",
        {
            "the command's way": (lambda: ours(copy.deepcopy(model), data), ready),
            "bare loop, batches ready-made": (lambda: bare(copy.deepcopy(model), ready), ready),
        },
    )


def show(what: str, ways: dict[str, tuple[Callable[[], float], list[RaggedBatch]]]) -> None:
    """Time each way in turns, and print the table."""
    rates: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, (way, batches) in ways.items():
            rates[name].append(sum(len(batch.steps) for batch in batches) / way())
    medians = {name: statistics.median(values) for name, values in rates.items()}
    first = next(iter(medians.values()))
    print(f"\n| {what} | tokens/s | the command's way is |\n|---|---|---|")
    for name, rate in medians.items():
        print(f"| {name} | {rate:,.0f} | {first / rate:.2f} × |")


def main() -> None:
    """Print the tables."""
    ignore_noise()
    prepare_processor()
    torch.manual_seed(0)
    print(f"{machine()}, {torch.get_num_threads()} threads; medians of {ROUNDS}")
    one_of_words()
    the_recipe()


if __name__ == "__main__":
    main()
