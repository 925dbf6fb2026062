"""Training on reviews: the command's way, a bare loop of the same model, and the usual loop.

python -m tests.benchmarks.bench_sentiment

All three start from the same weights, and read whole reviews of the same training part. The bare loop
has its batches ready-made; what the command takes longer is what Lightning and the loader cost. The
usual loop is the one of tutorials: batches of 64 reviews drawn at random, packed sequences.
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
from torch.nn.utils.rnn import pack_sequence, pad_packed_sequence

from data.batch import RaggedBatch
from data.text import TextDataModule
from models.encoders import WordEmbedding
from models.recurrence import LSTM
from pipelines.classify import SequenceClassifier
from pipelines.processor import prepare_processor
from pipelines.quiet import ignore_noise
from pipelines.waiting import WaitingTime
from tests.benchmarks.measure import machine

# As in sentiment.yaml.
FEATURES, HIDDEN, RATE = 128, 128, 0.003
NUM_BATCHES, NUM_PACKED, ROUNDS = 40, 4, 3


class Clock(Callback):
    """Seconds from the first step's beginning to the last one's end."""

    seconds = 0.0

    def on_train_epoch_start(self, *_: object) -> None:
        """The loader is made before this."""
        self.seconds = -time.perf_counter()

    def on_train_epoch_end(self, *_: object) -> None:
        """The last step is over."""
        self.seconds += time.perf_counter()


def ours(model: SequenceClassifier, data: TextDataModule) -> float:
    """Seconds of the command's own way."""
    clock = Clock()
    trainer = Trainer(
        max_epochs=1,
        limit_train_batches=NUM_BATCHES,
        limit_val_batches=0,
        num_sanity_val_steps=0,
        gradient_clip_val=1.0,
        callbacks=[clock, WaitingTime()],
        logger=False,
        enable_checkpointing=False,
        enable_model_summary=False,
        use_distributed_sampler=False,
    )
    trainer.fit(model, datamodule=data)
    return clock.seconds


def bare(model: SequenceClassifier, batches: list[RaggedBatch]) -> float:
    """Seconds of a loop with nothing but the model in it."""
    reader = model.members[0].train()
    parameters = list(reader.parameters())
    optimizer = torch.optim.AdamW(parameters, lr=RATE, fused=True)
    start = time.perf_counter()
    for batch in batches:
        optimizer.zero_grad()
        cross_entropy(reader(batch.steps, batch.lengths), batch.labels).backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
    return time.perf_counter() - start


class Packed(nn.Module):
    """The usual way: the weights are those of a `ManyToOne`."""

    def __init__(self, model: SequenceClassifier) -> None:
        super().__init__()
        reader = copy.deepcopy(model.members[0])
        self.embedding = reader.encoder.embedding
        self.dropout, self.pooled_dropout = reader.encoder.dropout, reader.dropout
        self.lstm = nn.LSTM(FEATURES, HIDDEN)
        self.lstm.load_state_dict(reader.recurrence.layers[0][0].fused.state_dict())
        self.head = reader.head

    def forward(self, texts: list[torch.Tensor]) -> torch.Tensor:
        """B texts → (B, 2)."""
        embedded = [self.dropout(self.embedding(text)) for text in texts]
        outputs, (h, _) = self.lstm(pack_sequence(embedded, enforce_sorted=False))
        padded, lengths = pad_packed_sequence(outputs)
        is_step = (torch.arange(len(padded))[:, None] < lengths)[..., None]
        highest = padded.masked_fill(~is_step, -torch.inf).amax(0)
        mean = padded.sum(0) / lengths[:, None]
        return self.head(self.pooled_dropout(torch.cat([h[0], highest, mean], dim=1)))


def packed(model: Packed, batches: list[RaggedBatch]) -> float:
    """Seconds of the usual loop."""
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


def main() -> None:
    """Print the table."""
    ignore_noise()
    prepare_processor()
    data = TextDataModule()
    part = data.parts["train"]
    torch.manual_seed(0)
    model = SequenceClassifier(
        WordEmbedding(data.num_tokens, features=FEATURES, dropout=0.3, word_dropout=0.1),
        partial(LSTM, hidden_size=HIDDEN),
        classes=data.classes,
        pooling="concat",
        dropout=0.4,
        optimizer=partial(torch.optim.AdamW, lr=RATE),
    )
    # The same weights give the same answers both ways.
    usual, one = Packed(model).eval(), part.__getitems__(range(8))
    texts = list(one.steps.split(one.lengths.tolist()))
    torch.testing.assert_close(
        usual(texts), model.eval()(one.steps, one.lengths), atol=1e-4, rtol=1e-3
    )
    model.train()
    ready = list(itertools.islice(data.train_dataloader(), NUM_BATCHES))
    drawn = torch.randperm(len(part))[: 64 * NUM_PACKED].view(NUM_PACKED, 64)
    random_batches = [part.__getitems__(row.tolist()) for row in drawn]
    num_tokens = sum(len(batch.steps) for batch in ready)
    num_random = sum(len(batch.steps) for batch in random_batches)
    ways: dict[str, tuple[Callable[[], float], int]] = {
        "the command's way": (lambda: ours(copy.deepcopy(model), data), num_tokens),
        "bare loop, batches ready-made": (lambda: bare(copy.deepcopy(model), ready), num_tokens),
        "usual loop, packed, random": (
            lambda: packed(copy.deepcopy(usual), random_batches),
            num_random,
        ),
    }
    rates: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, (way, count) in ways.items():
            rates[name].append(count / way())
    medians = {name: statistics.median(values) for name, values in rates.items()}
    first = next(iter(medians.values()))
    print(f"{machine()}, {torch.get_num_threads()} threads; medians of {ROUNDS}\n")
    print("| | tokens/s | the command's way is |\n|---|---|---|")
    for name, rate in medians.items():
        print(f"| {name} | {rate:,.0f} | {first / rate:.2f} × |")


if __name__ == "__main__":
    main()
