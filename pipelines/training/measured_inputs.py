"""What `StepInputs` must know of the training part before it learns."""

from collections.abc import Callable, Iterable, Sequence

from torch import Tensor

from models.encoders.words import Encoder
from models.errors import OptionError
from models.sequence.many_to_one import ManyToOne


def measure_inputs(
    members: Sequence[ManyToOne],
    features: Callable[[], Iterable[tuple[Tensor, Tensor]]],
    *,
    encoder: Encoder,
) -> None:
    """Let the inputs that are standardised see all training features once, each of the members' own.

    Args:
        members: whose inputs they are.
        features: gives the features (N, D) and lengths (B,) of the training part, batch by batch.
        encoder: makes them.

    Raises:
        OptionError: an encoder that is trained, whose features will be others.
    """
    for member in members:
        if member.inputs is None or not member.inputs.standardize:
            continue
        if any(parameter.requires_grad for parameter in encoder.parameters()):
            raise OptionError(
                "--model.inputs.standardize=true: the features change while the encoder is"
                " trained; freeze it (--model.encoder.trainable=none), or leave it out"
            )
        member.inputs.fit((member.chosen(some), lengths) for some, lengths in features())
