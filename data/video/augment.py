"""Augmentation: random changes of clips during training, drawn anew each time.

T frames of a clip · S their height and width
"""

import torch
from torch import Tensor
from torchvision.transforms import v2

from data.files.errors import InputError


class Augmentation:
    """Random crop, colour jitter, greyscale and flip, with one draw for all frames of a clip.

    A separate draw for each frame would be a flicker that no camera makes. Clips are never reversed,
    since the order of frames is to be learnt.

    Args:
        crop: the least share of the picture's area that a random crop keeps (Szegedy 2015, "Going
            deeper with convolutions"); 1 crops nothing. Crops keep their shape within 3:4 to 4:3.
        color: relative range of brightness, contrast and saturation; that of hue is a quarter of
            it. 0 changes none.
        grey: share of the clips that lose their colour.
        flip: share of the clips that are mirrored; left and right can be what tells classes apart.
    """

    def __init__(
        self, size_px: int, *, crop: float = 1.0, color: float = 0.0, grey: float = 0.0,
        flip: float = 0.0,
    ) -> None:  # fmt: skip
        shares = {"crop": crop, "color": color, "grey": grey, "flip": flip}
        for name, share in shares.items():
            least = 0.05 if name == "crop" else 0
            if not least <= share <= 1:
                raise InputError(
                    f"--data.augment_{name}={share}: allowed are numbers from {least} to 1"
                )
        steps: list[torch.nn.Module] = []
        if crop < 1:
            steps.append(v2.RandomResizedCrop(size_px, scale=(crop, 1), antialias=True))
        if flip > 0:
            steps.append(v2.RandomHorizontalFlip(flip))
        if color > 0:
            steps.append(v2.ColorJitter(color, color, color, color / 4))
        if grey > 0:
            steps.append(v2.RandomGrayscale(grey))
        self._transform = v2.Compose(steps) if steps else None

    def __bool__(self) -> bool:
        """Whether any change is asked for."""
        return self._transform is not None

    def __call__(self, clip: Tensor) -> Tensor:
        """Change a clip (T, 3, S, S) uint8, by PyTorch's random numbers of this process."""
        return clip if self._transform is None else self._transform(clip)
