"""Frame encoders, from the pixels of one frame to features.

N frames · C channels · H, W their height and width · D features
"""

import hashlib
import re
from contextlib import AbstractContextManager, nullcontext
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from models import first_name
from models.chance import Dropout
from models.encoders.words import Encoder
from models.errors import OptionError


class FrameEncoder(Encoder):
    """The contract of frame encoders, which encode uint8 frames a chunk at a time.

    Memory follows the chunk and not the clip. While training, the activations of most chunks are
    forgotten and computed anew in the backward pass (Chen et al. 2016, "Training Deep Nets with
    Sublinear Memory Cost", §4). The last chunks, where the backward pass begins, keep theirs.

    A subclass defines `encode`. Nothing in it may depend on which frames share a chunk, so there
    are no batch statistics.

    Args:
        chunk_size: the most frames encoded at once. None: `cpu_chunk_size` on a CPU, where a chunk
            that leaves the caches costs up to half the speed; 256 elsewhere.
        kept_chunks: the number of chunks that keep their activations while training. More are
            faster and take more memory; where all do, nothing is computed twice.
        bf16: whether to convolve in bfloat16. None: where the processor multiplies it fast, and
            only when frozen. To train in it, ask the trainer (``--trainer.precision=bf16-mixed``).

    Raises:
        OptionError: a chunk of no frame, or a negative number of kept chunks.
    """

    cpu_chunk_size = 64

    def __init__(
        self,
        *,
        chunk_size: int | None = None,
        kept_chunks: int = 1,
        bf16: bool | None = False,
    ) -> None:
        super().__init__()
        if chunk_size is not None and chunk_size < 1:
            raise OptionError(f"chunk_size={chunk_size}: at least 1 frame is encoded at once")
        if kept_chunks < 0:
            raise OptionError(f"kept_chunks={kept_chunks}: 0 or more chunks keep their activations")
        self.chunk_size, self.kept_chunks, self.bf16 = chunk_size, kept_chunks, bf16

    def encode(self, frames: Tensor) -> Tensor:
        """Frames (N, C, H, W) float in 0 … 1 → (N, D)."""
        raise NotImplementedError(f"{type(self).__name__} must define encode(frames)")

    @property
    def is_frozen(self) -> bool:
        """Whether no parameter is trained, so that features can be computed once and kept."""
        return not any(parameter.requires_grad for parameter in self.parameters())

    def forward(self, steps: Tensor) -> Tensor:
        """Frames (N, C, H, W) uint8 → (N, D), or (N, P, D) with places."""
        size = self.chunk_size or (self.cpu_chunk_size if steps.device.type == "cpu" else 256)
        chunks = steps.split(size)
        frozen = self.is_frozen
        with torch.no_grad() if frozen else nullcontext(), self._precision(steps.device):
            recomputed = len(chunks) - self.kept_chunks if torch.is_grad_enabled() else 0
            features = [
                checkpoint(self._encode_bytes, chunk, use_reentrant=False)
                if index < recomputed
                else self._encode_bytes(chunk)
                for index, chunk in enumerate(chunks)
            ]
        encoded = features[0] if len(features) == 1 else torch.cat(features)
        return encoded.float() if frozen else encoded

    def fingerprint(self) -> str:
        """A digest of all that decides the features: class, layers, weights, precision.

        It has 64 hex digits, and is the key of a store of features. It is the same in every process,
        and changes as soon as one weight does.
        """
        digest = hashlib.sha256(
            f"{first_name(type(self).__module__)}.{type(self).__qualname__}".encode()
        )
        # Some functions print with their address in memory.
        digest.update(re.sub(r" at 0x[0-9a-f]+", "", repr(self)).encode())
        digest.update(b"places" if self.gives_places else b"")
        tensors = [*self.named_parameters(), *self.named_buffers()]
        device = tensors[0][1].device if tensors else torch.device("cpu")
        digest.update(f"bf16 {self._uses_bf16(device)}".encode())
        for name, tensor in tensors:
            digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
            flat = tensor.detach().cpu().contiguous().flatten()
            digest.update(flat.view(torch.uint8).numpy().tobytes())
        return digest.hexdigest()

    def _uses_bf16(self, device: torch.device) -> bool:
        return self.is_frozen and multiplies_bf16(device) if self.bf16 is None else self.bf16

    def _precision(self, device: torch.device) -> AbstractContextManager[object]:
        # Frozen features are kept from run to run. They may not follow the trainer's precision.
        wanted = self._uses_bf16(device)
        if wanted or self.is_frozen:
            return torch.autocast(device.type, torch.bfloat16, enabled=wanted)
        return nullcontext()

    def _encode_bytes(self, frames: Tensor) -> Tensor:
        # Decoded frames lie channels last in memory, the layout in which convolutions are fastest.
        frames = frames.contiguous(memory_format=torch.channels_last)
        return self.encode(frames.float() / 255)


def multiplies_bf16(device: torch.device) -> bool:
    """Whether a processor has instructions for products in bfloat16, which is slow without them."""
    if device.type == "cpu":
        able = torch.cpu.get_capabilities()
        return any(able.get(name) for name in ("avx512_bf16", "amx_bf16", "sve_bf16"))
    return device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)


class SmallCNN(FrameEncoder):
    """A small convolutional network, trained from scratch.

    It has four convolutions of stride 2, each with group normalisation (Wu & He 2018, "Group
    Normalization"), which looks at one frame alone. A linear map of a coarse grid follows. The grid
    keeps *where* things are: motion is a change of place, which global pooling would throw away.
    Peaks beside it tell *what* is there, learnt once for all places.

    The network is too small for bfloat16 to be faster. With 8 chunks of 64 kept, a training step
    holds the activations of 512 frames (0.5 GB at 112 × 112), however long the clips are.

    Args:
        features: D.
        width: channels of the first convolution; each further one has twice as many, up to 4 ×.
        grid: height and width of the grid that the image is reduced to.
        peaks: whether the strongest response of each channel is read beside the grid. The last
            convolution keeps its places then (stride 1).
        normalised: whether features are normalised over themselves (Ba et al. 2016, "Layer
            Normalization"). What reads them learns much faster then where it learns from texts.
        dropout: share of the features that is zeroed while training.
        chunk_size: the most frames encoded at once; None: 64 on a CPU, 256 elsewhere.
        kept_chunks: the number of chunks that keep their activations while training.
    """

    def __init__(
        self,
        *,
        features: int = 128,
        width: int = 16,
        grid: int = 4,
        peaks: bool = False,
        normalised: bool = False,
        dropout: float = 0.0,
        chunk_size: int | None = None,
        kept_chunks: int = 8,
    ) -> None:
        super().__init__(chunk_size=chunk_size, kept_chunks=kept_chunks)
        self.out_features = features
        channels = [3, width, 2 * width, 4 * width, 4 * width]
        strides = [2, 2, 2, 1 if peaks else 2]
        blocks: list[nn.Module] = []
        for (before, after), stride in zip(pairwise(channels), strides, strict=True):
            blocks += [
                nn.Conv2d(before, after, 3, stride=stride, padding=1, bias=False),
                nn.GroupNorm(max(after // 8, 1), after),
                nn.ReLU(inplace=True),
            ]
        self.convolutions = nn.Sequential(*blocks).to(memory_format=torch.channels_last)
        self.places = nn.AdaptiveAvgPool2d(grid)
        self.peaks = peaks
        size = channels[-1] * (grid**2 + peaks)
        self.project = nn.Sequential(
            nn.Flatten(),
            nn.Linear(size, features),
            nn.LayerNorm(features) if normalised else nn.ReLU(),
        )
        self.dropout = Dropout(dropout)

    def encode(self, frames: Tensor) -> Tensor:
        """Frames (N, 3, H, W) float in 0 … 1 → (N, D)."""
        maps = self.convolutions(frames - 0.5)
        cells = self.places(maps).flatten(2)
        if self.peaks:
            cells = torch.cat([cells, maps.amax((2, 3)).unsqueeze(2)], dim=2)
        return self.project(cells)

    def forward(self, steps: Tensor) -> Tensor:
        """Frames (N, C, H, W) uint8 → (N, D)."""
        # Not in `encode`: where a chunk is computed a second time, other features would be dropped.
        return self.dropout(super().forward(steps))
