import threading
import time

import pytest
import torch
from torch import nn

from models.chance import Dropout, drawing_from
from models.sequence.side_by_side import losses_side_by_side


@pytest.fixture(params=[1, 2], ids=["one thread", "two threads"])
def num_threads(request, monkeypatch):
    monkeypatch.setattr(torch, "get_num_threads", lambda: request.param)
    return request.param


def networks(count):
    torch.manual_seed(0)
    return [nn.Sequential(nn.Linear(4, 6), Dropout(0.5), nn.Linear(6, 3)) for _ in range(count)]


def function(network, inputs, seconds=0.0):
    def evaluate():
        time.sleep(seconds)
        scores = network(inputs)
        return scores.square().mean(), scores

    return evaluate


@pytest.mark.parametrize("count", [1, 2, 5])
def test_losses_and_gradients_are_those_of_one_after_the_other(num_threads, count):
    inputs, made = torch.randn(7, 4), networks(count)
    parameters = [list(network.parameters()) for network in made]
    torch.manual_seed(3)
    seeds = torch.randint(2**62, (count,)).tolist()
    alone = []
    for network, seed in zip(made, seeds, strict=True):
        with drawing_from(torch.Generator().manual_seed(seed)):
            alone.append(function(network, inputs)())
    weights = torch.arange(1.0, count + 1)
    (torch.stack([loss for loss, _ in alone]) * weights).sum().backward()
    due = [parameter.grad.clone() for some in parameters for parameter in some]
    for network in made:
        network.zero_grad()
    torch.manual_seed(3)
    # The first is the slowest: what it draws may not depend on the others.
    functions = [function(network, inputs, 0.02 * (k == 0)) for k, network in enumerate(made)]
    losses, scores = losses_side_by_side(functions, parameters)
    torch.testing.assert_close(losses, torch.stack([loss for loss, _ in alone]))
    for some, (_, other) in zip(scores, alone, strict=True):
        torch.testing.assert_close(some, other)
        assert not some.requires_grad
    (losses * weights).sum().backward()
    for parameter, gradient in zip([p for some in parameters for p in some], due, strict=True):
        torch.testing.assert_close(parameter.grad, gradient)


def test_each_has_a_thread_that_computes_alone(num_threads):
    seen = []

    def evaluate(weight):
        seen.append(threading.current_thread().name)
        return (weight * 2).sum(), weight

    weights = [nn.Parameter(torch.ones(2)) for _ in range(4)]
    functions = [lambda weight=weight: evaluate(weight) for weight in weights]
    losses_side_by_side(functions, [[weight] for weight in weights])
    assert all(name.startswith("side-by-side") == (num_threads > 1) for name in seen)


def test_what_takes_no_part_has_no_gradient(num_threads):
    used, other = nn.Parameter(torch.ones(2)), nn.Parameter(torch.ones(2))
    losses, _ = losses_side_by_side([lambda: (used.sum(), used)], [[used, other]])
    losses.sum().backward()
    assert used.grad.tolist() == [1, 1]
    assert other.grad is None


def test_the_error_of_one_ends_the_call(num_threads):
    weight = nn.Parameter(torch.ones(2))

    def fails():
        raise ValueError("no such word")

    with pytest.raises(ValueError, match="no such word"):
        losses_side_by_side([fails, lambda: (weight.sum(), weight)], [[weight], [weight]])


def test_precision_is_that_of_the_caller(num_threads):
    network = nn.Linear(4, 3)
    inputs = torch.randn(2, 4)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        _, (scores,) = losses_side_by_side(
            [function(network, inputs)], [list(network.parameters())]
        )
    assert scores.dtype == torch.bfloat16
