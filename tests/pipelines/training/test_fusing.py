import pytest
import torch

from pipelines.training.fusing import fused


def trained(make, steps=5):
    torch.manual_seed(0)
    weights = [torch.nn.Parameter(torch.randn(7, 3)), torch.nn.Parameter(torch.randn(5))]
    optimizer = make([{"params": weights[:1], "lr": 0.1}, {"params": weights[1:]}])
    for _ in range(steps):
        optimizer.zero_grad()
        sum((weight.square() * torch.rand_like(weight)).sum() for weight in weights).backward()
        optimizer.step()
    return optimizer, weights


@pytest.mark.parametrize("kind", [torch.optim.Adam, torch.optim.AdamW])
def test_steps_are_the_same(kind):
    _, expected = trained(lambda groups: kind(groups, lr=0.01, weight_decay=0.1))
    optimizer, found = trained(lambda groups: fused(kind(groups, lr=0.01, weight_decay=0.1)))
    assert all(group["fused"] for group in optimizer.param_groups)
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other)


def test_other_optimisers_and_other_wishes_stay_as_they_are():
    weights = [torch.nn.Parameter(torch.zeros(1))]
    for optimizer in (
        torch.optim.SGD(weights, lr=0.1),
        torch.optim.Adam(weights, fused=False),
        torch.optim.Adam(weights, foreach=True),
    ):
        assert not fused(optimizer).param_groups[0]["fused"]
