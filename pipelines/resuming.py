"""Going on with a run that was cut off: which checkpoints that can be done from."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.callbacks import ModelCheckpoint
from pytorch_lightning.trainer.states import TrainerFn
from tokenizers import Tokenizer

from data.errors import InputError
from data.saved import read_saved
from models.errors import OptionError
from pipelines.allowed_classes import RefusedError, shown
from pipelines.blueprint import compare, refuse_not_finite

OPTION = "--ckpt_path"


def check_resumable(path: str, model: LightningModule, *, about: dict[str, Any]) -> None:
    """See that a checkpoint is whole, and of a run like this one.

    Args:
        path: the checkpoint.
        model: what is to be trained on.
        about: what its own checkpoints will say of themselves.

    Raises:
        InputError: it is damaged, or of another task, other sizes, classes or tokens.
    """
    saved, where = read_saved(path, option=OPTION, task=about["task"]), f"{OPTION}={path}"
    try:
        compare(model, saved.weights)
    except RefusedError as error:
        raise InputError(f"{where}: {error}; give the options that it was trained with") from error
    refuse_not_finite(model, where=where, weights=saved.weights)
    known, due = saved.description.get("inputs", {}), about["inputs"]
    if known.get("classes") != due.get("classes"):
        raise InputError(
            f"{where}: knows the classes {shown(known.get('classes'))}, the data have"
            f" {shown(due.get('classes'))}; give the data that it was trained on"
        )
    if _tokens(known) != _tokens(due):
        raise InputError(
            f"{where}: has other tokens than these data; give those that it was trained on, or"
            f" --data.tokenizer_from={path} to a classifier"
        )


def _tokens(inputs: dict[str, Any]) -> dict[str, int] | None:
    try:
        return (
            Tokenizer.from_str(inputs["tokenizer"]).get_vocab() if "tokenizer" in inputs else None
        )
    except Exception:  # the library raises nothing more special
        return {}


class Resumption(Callback):
    """Takes from a checkpoint how far training has come, and no path of a file but beside it.

    A run has a folder of its own. The paths that an earlier one wrote, and would have removed, are
    not its; of the earlier best the file beside the one that is gone on from is taken.
    """

    def __init__(self) -> None:
        #: the checkpoint whose state is being taken over
        self.path: str | None = None

    def on_load_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Before the others get their states."""
        if trainer.state.fn != TrainerFn.FITTING:
            return
        self.path = str(trainer.ckpt_path)
        for callback in trainer.checkpoint_callbacks:
            state = checkpoint["callbacks"].pop(callback.state_key, None) or {}
            name = Path(str(state.get("best_model_path") or "")).name
            best = Path(self.path).with_name(name) if name else None
            if isinstance(callback, ModelCheckpoint) and best is not None and best.is_file():
                callback.best_model_path = str(best)

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Before the optimiser gets its state."""
        self.path = None if trainer.ckpt_path is None else str(trainer.ckpt_path)

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """All has been taken over."""
        self.path = None

    @contextmanager
    def one_line_errors(self) -> Iterator[None]:
        """Within it, a state that does not fit this run is an `InputError`."""
        try:
            yield
        except (InputError, OptionError):
            raise
        except Exception as error:  # Lightning and PyTorch raise many types
            if self.path is None:
                raise
            raise InputError(
                f"{OPTION}={self.path}: how far it has come is not what this run can go on from"
                f" ({shown(error)}); give the options that it was trained with"
            ) from error
