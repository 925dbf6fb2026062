"""Steps that the graphs of a model read: random ones for its checks, and frames to features.

B sequences · N steps in the batch · T steps of the longest · D features · S height and width of a frame
"""

from typing import Any

import torch
from tokenizers import Tokenizer
from torch import Tensor

from data.files.errors import InputError
from models.encoders.foreground import WithForeground, background, foregrounds
from models.encoders.frames import FrameEncoder
from models.forms.classifier import EncoderForm, ForegroundForm
from pipelines.export.tracing.exported import Check, Sizes, padded, random_lengths
from pipelines.export.tracing.graphs import Graph

#: sizes with which graphs are traced: no two are the same, nor 1, which may be fixed
EXAMPLE = {"batch": 2, "time": 7}
_ENCODED = "features"


class Steps:
    """The steps that a model's graphs read: tokens, vectors, or features of encoded frames.

    Args:
        encoder: the model's.
        description: that of the checkpoint.
    """

    def __init__(self, encoder: Any, description: dict[str, Any]) -> None:
        self.encoder = encoder
        self.are_frames = isinstance(encoder, FrameEncoder)
        self._inputs, self._data = description["inputs"], description["data"]
        self._model, self._where = description["model"], getattr(description, "where", "CKPT")
        self.size_px = int(self._inputs.get("size_px", 0))
        #: size V of the vocabulary; None where steps are not tokens
        self.num_tokens: int | None = None
        if "tokenizer" in self._inputs and not self.are_frames:
            self.num_tokens = Tokenizer.from_str(self._inputs["tokenizer"]).get_vocab_size()

    def flat(self, num_steps: int, *, seed: int = 0) -> Tensor:
        """Random steps (N, …)."""
        generator = torch.Generator().manual_seed(seed)
        if self.num_tokens is not None:
            return torch.randint(self.num_tokens, (num_steps,), generator=generator)
        return torch.randn(num_steps, *self._shape(), generator=generator)

    def padded(self, sizes: Sizes) -> Tensor:
        """Random steps (B, T, …) of sequences of `random_lengths`."""
        lengths = random_lengths(sizes)
        return padded(self.flat(int(lengths.sum())), lengths)

    def encoded(self, steps: Tensor, lengths: Tensor) -> Tensor:
        """Encode steps (N, …) as the trained model does; features are encoded already."""
        return steps if self.are_frames else self.encoder.encode_ragged(steps, lengths)

    def _shape(self) -> tuple[int, ...]:
        if not self.are_frames:
            width = (self._model["encoder"].get("init_args") or {}).get("num_inputs")
            if not isinstance(width, int):
                raise InputError(
                    f"{self._where}: does not say how many numbers a step has (num_inputs of its"
                    " encoder), so it cannot be exported"
                )
            return (width,)
        if not self.encoder.gives_places:
            return (self.encoder.out_features,)
        frame = torch.zeros(1, 3, self.size_px, self.size_px, dtype=torch.uint8)
        with torch.no_grad():
            return tuple(self.encoder.encode_ragged(frame, torch.tensor([1])).shape[1:])

    def about(self) -> dict[str, Any]:
        """Options with which `answer.py` reads texts or clips, as plain values."""
        if self.are_frames:
            names = ("size_px", "fit", "interpolation", "frames", "max_frames", "min_share")
            reading = {name: self._inputs[name] for name in names if name in self._inputs}
            found: dict[str, Any] = {"steps": "frames", "reading": reading}
            if isinstance(self.encoder, WithForeground):
                found["background_frames"] = self.encoder.BACKGROUND_FRAMES
            return found
        if self.num_tokens is None:
            return {"steps": "vectors", "width": self._shape()[0]}
        return {"steps": "tokens", "max_tokens": self._data.get("max_tokens")}


def frame_graph(encoder: Any, size_px: int) -> Graph:
    """Frames (N, S, S, 3) uint8 to features; with their background where the encoder needs it."""
    frames = torch.zeros(3, size_px, size_px, 3, dtype=torch.uint8)
    if isinstance(encoder, WithForeground):
        return Graph(
            ForegroundForm(encoder).eval(),
            (frames, frames[0].clone()),
            {"frames": {0: "frame"}, "background": {}},
            (_ENCODED,),
        )
    return Graph(EncoderForm(encoder).eval(), (frames,), {"frames": {0: "frame"}}, (_ENCODED,))


def check_frames(encoder: Any, size_px: int, sizes: Sizes) -> Check:
    """Compare the features of random frames, in float32."""
    generator = torch.Generator().manual_seed(0)
    shape = (sizes["batch"], size_px, size_px, 3)
    frames = torch.randint(256, shape, generator=generator, dtype=torch.uint8)
    pixels, feed = frames.permute(0, 3, 1, 2), {"frames": frames}
    # Some frozen encoders compute in bfloat16 where that is fast; the graph does not.
    if isinstance(encoder, WithForeground):
        behind = background(pixels, most=encoder.BACKGROUND_FRAMES)
        shown = foregrounds(pixels, torch.tensor([len(pixels)]), most=encoder.BACKGROUND_FRAMES)
        feed["background"] = behind.permute(1, 2, 0).contiguous()
        each = [encoder.encoder.encode(some.float() / 255) for some in (pixels, shown)]
        due = torch.cat(each, dim=-1)
    else:
        due = encoder.encode(pixels.float() / 255)
    return Check({"frame": sizes["batch"]}, [feed], {_ENCODED: due}, by_largest=True)
