"""Statistics of the training features that `StepInputs` needs before training."""

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
    """Fit the standardisation of each member's inputs to all training features.

    Args:
        members: members of the model; those without standardised inputs are skipped.
        features: returns features (N, D) and lengths (B,) of the training part, batch by batch.
        encoder: the encoder of these features.

    Raises:
        OptionError: the encoder is trained, which would change the features.
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
