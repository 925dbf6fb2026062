"""A training step of our LSTM beside the packed-sequence way: same weights, same data, one run.

python -m tests.benchmarks.bench_recurrence
"""

import torch
from torch import nn
from torch.nn.utils.rnn import pack_sequence

from models.heads.pooling import last
from models.recurrence.recurrences import LSTM
from pipelines.runtime.processor import prepare_processor
from tests.benchmarks.measure import in_turns, machine

# batch, longest, inputs, hidden: the size that the packed way was first measured at, and the sizes
# of the two default models.
SIZES = [(64, 400, 100, 128), (56, 270, 128, 128), (12, 40, 128, 128)]


def compare(batch: int, longest: int, inputs: int, hidden: int) -> None:
    """Print one row."""
    torch.manual_seed(0)
    # Lengths as a bucket has them: within 10 % of the longest.
    lengths = torch.randint(int(longest / 1.1), longest + 1, (batch,))
    lengths[0] = longest
    steps = torch.randn(int(lengths.sum()), inputs)
    ours, kernel = LSTM(inputs, hidden_size=hidden), nn.LSTM(inputs, hidden)
    kernel.load_state_dict(ours.layers[0][0].fused.state_dict())

    def step_ours() -> torch.Tensor:
        ours.zero_grad()
        x = steps.clone().requires_grad_()
        outputs, _ = ours(x, lengths)
        last(outputs, lengths).square().sum().backward()
        return x.grad

    def step_packed() -> torch.Tensor:
        kernel.zero_grad()
        x = steps.clone().requires_grad_()
        packed = pack_sequence(x.split(lengths.tolist()), enforce_sorted=False)
        _, (h, _) = kernel(packed)
        h.square().sum().backward()
        return x.grad

    def product() -> torch.Tensor:
        return a @ b

    a, b = torch.randn(2048, 2048), torch.randn(2048, 2048)
    torch.testing.assert_close(step_ours(), step_packed(), atol=1e-5, rtol=1e-3)
    ours_s, packed_s, product_s = in_turns(step_ours, step_packed, product)
    # Two operations a multiply-add; the backward pass costs two forward passes.
    operations = 3 * 2 * len(steps) * 4 * hidden * (inputs + hidden)
    rate, peak = operations / ours_s / 1e9, 2 * 2048**3 / product_s / 1e9
    print(
        f"| B {batch}, T {longest}, {inputs}→{hidden} | {ours_s * 1e3:.0f} ms |"
        f" {packed_s * 1e3:.0f} ms | {packed_s / ours_s:.1f} × | {rate:.0f} of {peak:.0f} GFLOP/s"
        f" ({rate / peak:.0%}) |"
    )


def main() -> None:
    """Print the table."""
    prepare_processor()
    print(f"{machine()}, {torch.get_num_threads()} threads; medians of 5\n")
    print("| training step | ours | packed | ratio | matrix products |\n|---|---|---|---|---|")
    for size in SIZES:
        compare(*size)


if __name__ == "__main__":
    main()
