"""Experiments with RNN, GRU and LSTM on the same tasks, with equal parameters and training budget.

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

#: recurrences that are compared, by name: the module, and its cell with the equations of one step
KINDS: dict[str, tuple[type[Recurrence], type[Cell]]] = {
    "RNN": (RNN, VanillaCell),
    "GRU": (GRU, GRUCell),
    "LSTM": (LSTM, LSTMCell),
}


class Reader(nn.Module):
    """Network that reads sequences of features to their end and answers from the last output.

    Args:
        kind: a key of `KINDS`.
        in_features: D.
        hidden_size: H.
        num_answers: number of outputs of the head.
        options: further arguments of the recurrence.
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
    """Record of a training run, step by step."""

    losses: list[float]
    gradient_norms: list[float]
    """Norms of the gradient of all parameters together, before any clipping."""


def same_size(kind: str, in_features: int, *, like: int) -> int:
    """Find the hidden size that gives about as many parameters as an LSTM of size ``like``."""
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
    """Train on new batches; ``clip_norm`` limits the gradient's norm (Pascanu et al. 2013)."""
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
    """Compute the cross entropy of symbols (B,) int64, or the squared error of numbers (B,) float32."""
    if targets.is_floating_point():
        return mse_loss(answers[:, 0], targets)
    return cross_entropy(answers, targets)


def accuracy(reader: Reader, batch: MemoryBatch) -> float:
    """Measure the share of symbols that are answered correctly."""
    with torch.inference_mode():
        answers = reader(batch.features, batch.lengths).argmax(1)
    return (answers == batch.targets).float().mean().item()


def gradients_back_in_time(reader: Reader, batch: MemoryBatch) -> dict[str, list[float]]:
    """Measure the gradient of the loss that arrives at each step, from the first to the last.

    The figure is its norm over the whole batch, ‖∂L/∂h_t‖, with respect to the hidden state h_t, and
    for an LSTM also to the cell state c_t. The gradient of h_t comes through the answer and all later
    steps; that of c_t comes through all later cell states and the outputs made of them. The cells of
    `models.recurrence.cells` are stepped with the reader's weights, because the fused kernels do not
    expose the state of each step.
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
        # In float64, because squares of small numbers underflow in float32.
        name: [float(each[k].grad.double().norm()) for each in states]
        for k, name in enumerate(cell.state_names)
    }


def endless(make: Callable[[], MemoryBatch]) -> Iterator[MemoryBatch]:
    """Yield new batches without end."""
    while True:
        yield make()
