"""Weight averaging as a callback."""

from typing import Any

from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import EMAWeightAveraging, WeightAveraging
from pytorch_lightning.trainer.states import TrainerFn

from data.files.errors import InputError


class AveragedWeights(EMAWeightAveraging):
    """Validates, tests and saves an exponential moving average of the weights.

    Averaging is due to Polyak & Juditsky 1992, "Acceleration of Stochastic Approximation by
    Averaging"; in deep networks to Tarvainen & Valpola 2017, "Mean teachers are better role models".
    Unlike Lightning's `EMAWeightAveraging`, buffers are copied: integers such as the codes of known
    n-grams have no meaningful average.

    Args:
        decay: share of the average that is kept at each step.
        options: further options of `EMAWeightAveraging`.
    """

    def __init__(self, decay: float = 0.999, **options: Any) -> None:
        super().__init__(decay=decay, use_buffers=False, **options)

    def on_load_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Go on with both kinds of weights; a test keeps the averages, which a checkpoint's weights are.

        Lightning's callback gives a test after training the weights that are not averaged.
        """
        if trainer.state.fn == TrainerFn.FITTING:
            super().on_load_checkpoint(trainer, pl_module, checkpoint)


def refuse_averaged_buffers(trainer: Trainer) -> None:
    """Check that `AveragedWeights` is the only callback that averages weights.

    Raises:
        InputError: there is another one.
    """
    for callback in trainer.callbacks:  # type: ignore[attr-defined]
        if isinstance(callback, WeightAveraging) and not isinstance(callback, AveragedWeights):
            raise InputError(
                f"--trainer.callbacks={type(callback).__name__}: averages also what must stay as it"
                " is, such as the codes of known n-grams; give AveragedWeights"
            )
