"""Backbones: frame encoders that were trained on images, any of torchvision's networks by name.

N frames · H, W their height and width · D features
"""

import difflib
import re
from pathlib import Path
from typing import Any

import torch
import torchvision
from torch import Tensor, nn
from torchvision.models import WeightsEnum, get_model, get_model_weights, list_models

from models.encoders.efficientnet_lite import EfficientNetLite0, EfficientNetLite2
from models.encoders.pretrained import (
    PretrainedEncoder,
    Trainable,
    reads_pretrained,
    without_pretrained,
)
from models.errors import OptionError
from models.finite import is_finite

__all__ = [
    "Backbone",
    "EfficientNetLite0",
    "EfficientNetLite2",
    "PretrainedEncoder",
    "without_pretrained",
]

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
# These two answer with more than one head, and normalise in ways of their own.
_UNFIT = {"googlenet", "inception_v3"}
_HEADS = ("fc", "classifier", "heads", "head")
# Stages lie side by side, or are the children of one module.
_STAGES = (("layer1", "layer2", "layer3", "layer4"), ("stage2", "stage3", "stage4"))
_HOLDERS = ("trunk_output", "encoder.layers", "features", "blocks", "layers")


class Backbone(PretrainedEncoder):
    """An image classifier of torchvision without its head: globally pooled features of a frame.

    Args:
        name: the network's name in `torchvision.models.get_model`: ``resnet18``,
            ``mobilenet_v3_small``, ``convnext_tiny`` …
        weights: ``DEFAULT`` (the best that torchvision offers, downloaded once), one of its other
            names (``IMAGENET1K_V1``), or the path of a local file with a state dict (``.pth``, with
            or without the head). None: random weights.
        trainable: ``none`` (frozen), ``all``, or the number of last stages that are trained.
        chunk_size: the most frames encoded at once; None: 16 on a CPU, 256 elsewhere.
        kept_chunks: the number of chunks that keep their activations while training.
        bf16: whether to convolve in bfloat16. None: when frozen, and where that is fast: twice as
            fast, within 1 % for a ResNet. Networks of depthwise convolutions lose more (see
            `EfficientNetLite0`).

    Raises:
        OptionError: a name, weights or number of stages that do not exist; a file of another
            network; a download that fails; frames of a size the network cannot take.
    """

    def __init__(
        self,
        name: str,
        *,
        weights: str | None = "DEFAULT",
        trainable: Trainable = "none",
        chunk_size: int | None = None,
        kept_chunks: int = 1,
        bf16: bool | None = None,
    ) -> None:
        known = set(list_models(module=torchvision.models)) - _UNFIT
        if name not in known:
            close = difflib.get_close_matches(name, known, n=3) or sorted(known)[::10]
            raise OptionError(
                f"name={name}: not a classifier of torchvision that fits; near: {', '.join(close)}"
            )
        chosen = None if weights is None or _is_path(weights) else _weights(name, weights)
        # A vision transformer is made for one size, which depends on the weights.
        options: dict[str, Any] = {}
        if name.startswith("vit_") and chosen is not None:
            options["image_size"] = chosen.meta["min_size"][0]
        network = get_model(name, weights=None, **options)
        head, out_features = _cut_head(network)
        if weights is not None and reads_pretrained():
            state = _download(chosen, weights) if chosen is not None else _read(weights)
            _load(network, state, head=head, source=f"weights={weights}", name=name)
        transforms = chosen.transforms() if chosen is not None else None
        super().__init__(
            network,
            _stages(network),
            out_features=out_features,
            mean=getattr(transforms, "mean", IMAGENET_MEAN),
            std=getattr(transforms, "std", IMAGENET_STD),
            trainable=trainable,
            chunk_size=chunk_size,
            kept_chunks=kept_chunks,
            bf16=bf16,
        )
        self.name = name
        size_px = max(get_model_weights(name)["DEFAULT"].meta["min_size"])
        self.fixed_px = getattr(network, "image_size", size_px if name == "maxvit_t" else None)
        # Swin's stated size is that of its training; it takes smaller ones.
        self.least_px = 32 if name.startswith("swin") else size_px

    def encode(self, frames: Tensor) -> Tensor:
        """(N, 3, H, W) float in 0 … 1 → (N, D)."""
        height, width = frames.shape[2:]
        if self.fixed_px is not None and (height, width) != (self.fixed_px, self.fixed_px):
            raise OptionError(
                f"{self.name} takes frames of {self.fixed_px} × {self.fixed_px} pixels, and these"
                f" are {width} × {height}; set --data.size_px={self.fixed_px}"
            )
        if min(height, width) < self.least_px:
            raise OptionError(
                f"{self.name} takes frames of at least {self.least_px} × {self.least_px} pixels, and"
                f" these are {width} × {height}; set --data.size_px={self.least_px} or more"
            )
        return super().encode(frames)


def _is_path(weights: str) -> bool:
    return Path(weights).suffix in (".pth", ".pt", ".bin", ".ckpt") or Path(weights).is_file()


def _weights(name: str, weights: str) -> WeightsEnum:
    offered = get_model_weights(name)
    if weights not in offered.__members__:
        raise OptionError(
            f"weights={weights}: {name} has {', '.join(offered.__members__)}; or give the path of a"
            " .pth file, or null for random weights"
        )
    return offered[weights]


def _download(chosen: WeightsEnum, weights: str) -> dict[str, Any]:
    try:
        return dict(chosen.get_state_dict(progress=True, check_hash=True))
    except (OSError, RuntimeError) as error:  # no network; a file with another hash
        raise OptionError(
            f"weights={weights}: cannot be downloaded from {chosen.url} ({error}); fetch that file"
            " elsewhere and give its path"
        ) from error


def _read(weights: str) -> dict[str, Any]:
    if not Path(weights).is_file():
        raise OptionError(f"weights={weights}: no such file")
    try:
        state = torch.load(weights, map_location="cpu", weights_only=True)
    except Exception as error:  # damage surfaces as many types
        # PyTorch's own text advises to read the file all the same, with the code in it.
        raise OptionError(
            f"weights={weights}: cannot be read as a file of weights (it is damaged, or holds more than"
            " tensors); give a state dict that torch.save wrote"
        ) from error
    for key in ("state_dict", "model"):  # training scripts wrap what they save
        if isinstance(state, dict) and isinstance(state.get(key), dict):
            state = state[key]
    if not isinstance(state, dict) or not all(isinstance(v, Tensor) for v in state.values()):
        raise OptionError(f"weights={weights}: holds no state dict; give one that torch.save wrote")
    if not all(map(is_finite, state.values())):
        raise OptionError(f"weights={weights}: not all are finite (NaN or infinite); give others")
    return {key.removeprefix("module."): value for key, value in state.items()}


def _load(network: nn.Module, state: dict[str, Any], *, head: str, source: str, name: str) -> None:
    """Load all weights but the head's; any other that is missing or left over is an error."""
    # DenseNet's files have names from before a dot was forbidden there.
    state = {re.sub(r"\.(norm|conv)\.(\d)\.", r".\1\2.", key): v for key, v in state.items()}
    wanted = network.state_dict()
    # The head was cut off, and statistics that stand still need no counters.
    spare = (f"{head}.", "num_batches_tracked")
    unlike = [
        key
        for key in wanted.keys() | state.keys()
        if not (key not in wanted and key.startswith(spare[0]))
        and not key.endswith(spare[1])
        and (key not in state or key not in wanted or state[key].shape != wanted[key].shape)
    ]
    if unlike:
        raise OptionError(
            f"{source}: not the weights of {name}; {len(unlike)} tensors are missing, left over or"
            f" of another shape, such as {min(unlike)}"
        )
    network.load_state_dict({key: v for key, v in state.items() if key in wanted}, strict=False)


def _cut_head(network: nn.Module) -> tuple[str, int]:
    """Cut off the head, from its first layer that classifies; return its name, and D."""
    name = next(name for name in _HEADS if hasattr(network, name))
    head = getattr(network, name)
    layers = list(head) if isinstance(head, nn.Sequential) else [head]
    first = next(k for k, one in enumerate(layers) if isinstance(one, nn.Linear | nn.Conv2d))
    kept = [layer for layer in layers[:first] if not isinstance(layer, nn.Dropout)]
    classifies = layers[first]
    if isinstance(classifies, nn.Conv2d):  # SqueezeNet pools behind it
        setattr(network, name, nn.Sequential(*kept, nn.AdaptiveAvgPool2d(1)))
        return name, classifies.in_channels
    assert isinstance(classifies, nn.Linear)
    setattr(network, name, nn.Sequential(*kept))
    pool = getattr(network, "avgpool", None)
    if not isinstance(pool, nn.AdaptiveAvgPool2d):
        return name, classifies.in_features
    # AlexNet and VGG classify a grid of places, 25,088 numbers a frame, which are too many.
    height, width = _pair(pool.output_size)
    network.avgpool = nn.AdaptiveAvgPool2d(1)
    return name, classifies.in_features // (height * width)


def _pair(size: Any) -> tuple[int, int]:
    return (size, size) if isinstance(size, int) else size


def _stages(network: nn.Module) -> list[nn.Module]:
    for names in _STAGES:
        if all(hasattr(network, name) for name in names):
            return [getattr(network, name) for name in names]
    for path in _HOLDERS:
        try:
            holder = network.get_submodule(path)
        except AttributeError:
            continue
        return [child for child in holder.children() if _is_stage(child)]
    return [child for child in network.children() if _is_stage(child)]


def _is_stage(module: nn.Module) -> bool:
    is_norm = isinstance(module, nn.BatchNorm2d | nn.LayerNorm)
    return not is_norm and next(module.parameters(), None) is not None
