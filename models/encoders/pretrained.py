"""Pretrained frame encoders: how many of their stages are trained, and which parts stand still.

N frames · H, W their height and width · D features
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from models.encoders.frames import FrameEncoder
from models.errors import OptionError

#: the stages that are trained: none, all (with the layers before them), or the last k
Trainable = Literal["none", "all"] | int

_reads_weights: ContextVar[bool] = ContextVar("reads_weights", default=True)


@contextmanager
def without_pretrained() -> Iterator[None]:
    """Build pretrained encoders without their weights, which a checkpoint is about to bring."""
    token = _reads_weights.set(False)
    try:
        yield
    finally:
        _reads_weights.reset(token)


def reads_pretrained() -> bool:
    """Whether encoders read pretrained weights: False within `without_pretrained`."""
    return _reads_weights.get()


class PretrainedEncoder(FrameEncoder):
    """A trunk that was trained before, whose last stages may learn on.

    Frozen parameters have ``requires_grad`` False. Frozen layers are in eval mode at all times. So is
    every batch normalisation: its running statistics are those of millions of images, and a few
    frames of one clip, all alike, would spoil them.

    Args:
        trunk: (N, 3, H, W) normalised → (N, D); head removed, weights loaded.
        stages: parts of the trunk in the order of use and of its ``modules()``; layers behind the
            last stage count as a part of it.
        out_features: D.
        mean: mean of each colour, subtracted from pixels in 0 … 1.
        std: standard deviation of each colour, by which they are divided then.
        trainable: ``none``, ``all``, or the number of last stages that are trained.
        chunk_size, kept_chunks, bf16: see `FrameEncoder`.

    Raises:
        OptionError: more stages than there are.
    """

    # Deep networks have large activations. Chunks of 8 to 16 frames are fastest, 64 half as fast.
    cpu_chunk_size = 16

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        trunk: nn.Module,
        stages: Sequence[nn.Module],
        *,
        out_features: int,
        mean: Sequence[float],
        std: Sequence[float],
        trainable: Trainable,
        chunk_size: int | None,
        kept_chunks: int,
        bf16: bool | None,
    ) -> None:
        super().__init__(chunk_size=chunk_size, kept_chunks=kept_chunks, bf16=bf16)
        self.out_features = out_features
        self.trunk = trunk.to(memory_format=torch.channels_last)
        self.register_buffer("mean", torch.tensor(mean).view(3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(3, 1, 1), persistent=False)
        self._still = self._freeze(stages, trainable)
        self.train(self.training)

    def encode(self, frames: Tensor) -> Tensor:
        """Frames (N, 3, H, W) float in 0 … 1 → (N, D)."""
        return self.trunk((frames - self.mean) / self.std)

    def train(self, mode: bool = True) -> "PretrainedEncoder":
        """Set train mode for layers that are trained, except batch normalisation."""
        super().train(mode)
        for name, module in self.trunk.named_modules():
            if name in self._still or isinstance(module, _BatchNorm):
                module.training = False
        return self

    def _freeze(self, stages: Sequence[nn.Module], trainable: Trainable) -> set[str]:
        """Freeze all layers before the first trained stage; return the names of those frozen."""
        if trainable == "all":
            return set()
        num_trained = 0 if trainable == "none" else trainable
        if not (isinstance(num_trained, int) and 0 <= num_trained <= len(stages)):
            raise OptionError(
                f"trainable={trainable}: give none, all, or how many of the last stages are"
                f" trained, at most {len(stages)} here"
            )
        modules = dict(self.trunk.named_modules())
        names = list(modules)
        first = len(names)
        if num_trained > 0:
            first = next(k for k, name in enumerate(names) if modules[name] is stages[-num_trained])
        trained = set(names[first:])
        for name in names[:first]:
            for parameter in modules[name].parameters(recurse=False):
                parameter.requires_grad_(False)
        # A module that contains a trained stage does not stand still, nor does the trunk itself then.
        holders = {name for name in names[:first] if _contains(name, trained)}
        return set(names[:first]) - holders


def _contains(name: str, others: set[str]) -> bool:
    return any(name == "" or other.startswith(f"{name}.") for other in others)
