"""RNN, GRU and LSTM on the same tasks, of the same size and with the same budget.

B sequences · T steps of each · D features · H hidden size
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, mse_loss

from data.examples.memory_tasks import MemoryBatch
from models.heads.pooling import last
from models.recurrence.cells import Cell, GRUCell, LSTMCell, VanillaCell
from models.recurrence.recurrences import GRU, LSTM, RNN, Recurrence

#: what is compared: how each is called, its recurrence, and the equations of one step of it
KINDS: dict[str, tuple[type[Recurrence], type[Cell]]] = {
    "RNN": (RNN, VanillaCell),
    "GRU": (GRU, GRUCell),
    "LSTM": (LSTM, LSTMCell),
}


class Reader(nn.Module):
    """Reads sequences of features to their end and answers from the last output.

    Args:
        kind: a key of `KINDS`.
        in_features: D
        hidden_size: H
        num_answers: what the answer's layer puts out.
        options: what else the recurrence takes.
    """

    def __init__(
        self, kind: str, in_features: int, *, hidden_size: int, num_answers: int, **options: Any
    ) -> None:
        super().__init__()
        self.kind = kind
        self.recurrence = KINDS[kind][0](in_features, hidden_size=hidden_size, **options)
        self.head = nn.Linear(hidden_size, num_answers)

    def forward(self, features: Tensor, lengths: Tensor) -> Tensor:
        """(N, D) and (B,) → (B, num_answers)."""
        outputs, _ = self.recurrence(features, lengths)
        return self.head(last(outputs, lengths, 1))


class Training(NamedTuple):
    """Course of a training run, step by step."""

    losses: list[float]
    gradient_norms: list[float]
    """Gradient norm of all parameters together, before any clipping."""


def same_size(kind: str, in_features: int, *, like: int) -> int:
    """The hidden size with about as many parameters as an LSTM of ``like`` has."""
    gates = {name: len(cell.blocks) for name, (_, cell) in KINDS.items()}

    def parameters(blocks: int, size: int) -> int:
        return blocks * size * (in_features + size + 2)

    goal = parameters(gates["LSTM"], like)
    return min(range(1, 4 * like), key=lambda size: abs(parameters(gates[kind], size) - goal))


def train(
    reader: Reader,
    batches: Iterator[MemoryBatch],
    *,
    num_steps: int,
    optimizer: torch.optim.Optimizer,
    clip_norm: float | None,
) -> Training:
    """Learn from so many new batches, gradients clipped to a norm (Pascanu et al. 2013) or not."""
    seen = Training([], [])
    for _ in range(num_steps):
        batch = next(batches)
        optimizer.zero_grad()
        loss = loss_of(reader(batch.features, batch.lengths), batch.targets)
        loss.backward()
        limit = float("inf") if clip_norm is None else clip_norm
        norm = nn.utils.clip_grad_norm_(reader.parameters(), limit)
        optimizer.step()
        seen.losses.append(loss.item())
        seen.gradient_norms.append(norm.item())
    return seen


def loss_of(answers: Tensor, targets: Tensor) -> Tensor:
    """Cross entropy of symbols (B,) int64, or the mean squared error of numbers (B,) float32."""
    if targets.is_floating_point():
        return mse_loss(answers[:, 0], targets)
    return cross_entropy(answers, targets)


def accuracy(reader: Reader, batch: MemoryBatch) -> float:
    """The share of symbols that are answered right."""
    with torch.inference_mode():
        answers = reader(batch.features, batch.lengths).argmax(1)
    return (answers == batch.targets).float().mean().item()


def gradients_back_in_time(reader: Reader, batch: MemoryBatch) -> dict[str, list[float]]:
    """How much of the loss's gradient arrives at each step, from the first to the last.

    It is measured by the norm, over the whole batch, of the gradients with respect to the hidden
    state h_t, ‖∂L/∂h_t‖, and to the cell state c_t of an LSTM. The first reaches h_t through the
    answer and all later steps, the second reaches c_t through all later cells and their outputs.
    The equations of `models.recurrence.cells` are stepped, with the reader's weights.
    """
    features = batch.features.view(len(batch.lengths), -1, batch.features.shape[1])
    kernel = reader.recurrence.layers[0][0].fused  # type: ignore[index]
    cell = KINDS[reader.kind][1](features.shape[2], reader.head.in_features)
    cell.copy_from(kernel)
    state = cell.initial_state(features[:, 0])
    states = []
    for step in features.unbind(1):
        state, _ = cell(step, state)
        for part in state:
            part.retain_grad()
        states.append(state)
    loss_of(reader.head(state[0]), batch.targets).backward()
    return {
        # In float64, since squares of small numbers are nothing.
        name: [float(each[k].grad.double().norm()) for each in states]
        for k, name in enumerate(cell.state_names)
    }


def endless(make: Callable[[], MemoryBatch]) -> Iterator[MemoryBatch]:
    """New batches for ever."""
    while True:
        yield make()
