"""Foreground: what a frame shows beside the background of its clip, encoded beside the frame.

B clips · N frames in the batch · T frames of one clip · C channels · H, W height and width · D features
"""

import hashlib

import torch
from torch import Tensor

from models.encoders.frames import FrameEncoder
from models.errors import OptionError

# The foreground is made of so many frames at once, in 16 bits.
_FRAMES_AT_ONCE = 64


class WithForeground(FrameEncoder):
    """Each frame and its foreground, encoded by one encoder, their features side by side.

    Features of a frame tell above all where it was filmed. A camera that stands still has a
    background: the median of each pixel over the clip (McFarlane & Schofield 1995, "Segmentation and
    tracking of piglets in images"; Cucchiara et al. 2003, "Detecting moving objects, ghosts, and
    shadows in video streams"). The difference from it shows what comes, goes and moves, wherever the
    camera stands. The frame itself stays beside it, as in the two streams of Simonyan & Zisserman
    2014, "Two-Stream Convolutional Networks for Action Recognition in Videos".

    The background is known at the end of a clip, so the encoder looks ahead. Of long clips
    `BACKGROUND_FRAMES` frames, evenly spread, decide it. Beside its frames, a batch holds their
    foreground as well, one byte for each of theirs; the rest of the memory is the encoder's, which
    follows its chunk.

    Args:
        encoder: encodes frames. Its weights serve both streams, whether they are trained or not.

    Raises:
        OptionError: an encoder that looks ahead itself.
    """

    looks_ahead = True

    #: the most frames of a clip whose median is its background
    BACKGROUND_FRAMES = 64

    def __init__(self, encoder: FrameEncoder) -> None:
        super().__init__()
        if encoder.looks_ahead:
            raise OptionError(
                f"--model.encoder.encoder={type(encoder).__name__}: looks at whole clips itself; give"
                " one that looks at each frame alone, such as EfficientNetLite0"
            )
        self.encoder = encoder
        self.out_features = 2 * encoder.out_features
        self.gives_places = encoder.gives_places

    def forward(self, steps: Tensor) -> Tensor:
        """Refuse frames without the lengths of their clips: see `encode_ragged`."""
        raise TypeError("the foreground of a frame depends on its clip: call encode_ragged")

    def encode_ragged(self, steps: Tensor, lengths: Tensor) -> Tensor:
        """Frames (N, C, H, W) uint8 and lengths (B,) → (N, 2 D), or (N, P, 2 D) with places."""
        shown = foregrounds(steps, lengths, most=self.BACKGROUND_FRAMES)
        return torch.cat([self.encoder(steps), self.encoder(shown)], dim=-1)

    def fingerprint(self) -> str:
        """A digest of all that decides the features; see `FrameEncoder.fingerprint`."""
        inner = self.encoder.fingerprint()
        name = f"{type(self).__qualname__} {self.BACKGROUND_FRAMES} {inner}"
        return hashlib.sha256(name.encode()).hexdigest()


def foregrounds(frames: Tensor, lengths: Tensor, *, most: int) -> Tensor:
    """Frames (N, C, H, W) uint8 of clips end to end, less the background of each, likewise uint8.

    The background becomes 128, grey. Differences from it beyond -128 to 127 are cut off.

    Args:
        frames: the frames.
        lengths: (B,), each ≥ 1, summing to N.
        most: the most frames of a clip that decide its background.
    """
    found = torch.empty_like(frames)
    for clip, shown in zip(
        frames.split(lengths.tolist()), found.split(lengths.tolist()), strict=True
    ):
        behind = background(clip, most=most).short() - 128
        pieces = zip(clip.split(_FRAMES_AT_ONCE), shown.split(_FRAMES_AT_ONCE), strict=True)
        for some, place in pieces:
            place.copy_((some.short() - behind).clamp(0, 255))
    return found


def background(frames: Tensor, *, most: int) -> Tensor:
    """Frames (T, C, H, W) uint8 → (C, H, W) uint8, the median of each pixel.

    The median of an even number of frames is the mean of the two in the middle, rounded down.

    Args:
        frames: of one clip.
        most: the most frames that are looked at, evenly spread from the first to the last.
    """
    if len(frames) > most:
        places = [k * (len(frames) - 1) // (most - 1) for k in range(most)]
        frames = frames[torch.tensor(places, device=frames.device)]
    low, high = (len(frames) - 1) // 2, len(frames) // 2
    found = []
    # A colour at a time: sorting takes 8 bytes a pixel beside the pixel.
    for colour in frames.unbind(1):
        ordered = colour.flatten(1).T.sort(dim=1).values
        middle = (ordered[:, low].short() + ordered[:, high].short()) // 2
        found.append(middle.to(frames.dtype).view(colour.shape[1:]))
    return torch.stack(found)
