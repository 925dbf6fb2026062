"""Averaged weights, as a callback that a run can be given."""

from typing import Any

from pytorch_lightning import Trainer
from pytorch_lightning.callbacks import EMAWeightAveraging, WeightAveraging

from data.files.errors import InputError


class AveragedWeights(EMAWeightAveraging):
    """Validates, tests and keeps an exponential moving average of the weights (Polyak & Juditsky
    1992, "Acceleration of Stochastic Approximation by Averaging"; of deep networks: Tarvainen &
    Valpola 2017, "Mean teachers are better role models").

    Lightning's `EMAWeightAveraging`, but for buffers: they are copied. Averaged as floats, the codes
    of known n-grams would become others.

    Args:
        decay: share of the average that stays with each step.
        options: what else `EMAWeightAveraging` takes.
    """

    def __init__(self, decay: float = 0.999, **options: Any) -> None:
        super().__init__(decay=decay, use_buffers=False, **options)


def refuse_averaged_buffers(trainer: Trainer) -> None:
    """See that averaged weights are `AveragedWeights`.

    Raises:
        InputError: another callback that averages.
    """
    for callback in trainer.callbacks:  # type: ignore[attr-defined]
        if isinstance(callback, WeightAveraging) and not isinstance(callback, AveragedWeights):
            raise InputError(
                f"--trainer.callbacks={type(callback).__name__}: averages also what must stay as it"
                " is, such as the codes of known n-grams; give AveragedWeights"
            )
