"""Frame encoders: from the pixels of one frame to features.

N frames · C channels · H, W their height and width · D features
"""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from models.encoders import Encoder


class FrameEncoder(Encoder):
    """Encodes uint8 frames, a chunk at a time, so that memory follows the chunk and not the clip.

    A subclass defines `encode`. While training on more frames than one chunk, a chunk's activations
    are forgotten and computed anew on the way back (Chen 2016, "Training Deep Nets with Sublinear
    Memory Cost"). Nothing in `encode` may depend on which frames share a chunk: no batch statistics.

    Args:
        chunk_size: the most frames encoded at once.
    """

    def __init__(self, *, chunk_size: int = 2048) -> None:
        super().__init__()
        self.chunk_size = chunk_size

    def encode(self, frames: Tensor) -> Tensor:
        """(N, C, H, W) float in 0 … 1 → (N, D)."""
        raise NotImplementedError(f"{type(self).__name__} must define encode(frames)")

    def forward(self, steps: Tensor) -> Tensor:
        """Frames (N, C, H, W) uint8 → (N, D)."""
        chunks = steps.split(self.chunk_size)
        recompute = len(chunks) > 1 and torch.is_grad_enabled()
        features = [
            checkpoint(self._encode_bytes, chunk, use_reentrant=False)
            if recompute
            else self._encode_bytes(chunk)
            for chunk in chunks
        ]
        return features[0] if len(features) == 1 else torch.cat(features)

    def _encode_bytes(self, frames: Tensor) -> Tensor:
        # Decoded frames lie channels last in memory, which is also what convolutions like best.
        frames = frames.contiguous(memory_format=torch.channels_last)
        return self.encode(frames.float() / 255)


class SmallCNN(FrameEncoder):
    """A small convolutional network, trained from scratch.

    Four convolutions of stride 2, each with group normalisation (Wu & He 2018), which looks at one
    frame alone; then a linear map of what stands at each place of a coarse grid. The grid keeps
    *where* things are: motion is a change of place, which global pooling would throw away.

    Args:
        features: D.
        width: channels of the first convolution; each further one has twice as many, up to 4 ×.
        grid: the places the image is reduced to, grid × grid.
        dropout: share of the features that is zeroed while training.
        chunk_size: the most frames encoded at once.
    """

    def __init__(
        self,
        *,
        features: int = 128,
        width: int = 16,
        grid: int = 4,
        dropout: float = 0.0,
        chunk_size: int = 2048,
    ) -> None:
        super().__init__(chunk_size=chunk_size)
        self.out_features = features
        channels = [3, width, 2 * width, 4 * width, 4 * width]
        blocks: list[nn.Module] = []
        for before, after in pairwise(channels):
            blocks += [
                nn.Conv2d(before, after, 3, stride=2, padding=1, bias=False),
                nn.GroupNorm(max(after // 8, 1), after),
                nn.ReLU(inplace=True),
            ]
        self.convolutions = nn.Sequential(*blocks).to(memory_format=torch.channels_last)
        self.places = nn.AdaptiveAvgPool2d(grid)
        self.project = nn.Sequential(
            nn.Flatten(), nn.Linear(channels[-1] * grid**2, features), nn.ReLU()
        )
        self.dropout = nn.Dropout(dropout)

    def encode(self, frames: Tensor) -> Tensor:
        """(N, 3, H, W) float in 0 … 1 → (N, D)."""
        maps = self.convolutions(frames - 0.5)
        return self.dropout(self.project(self.places(maps)))
