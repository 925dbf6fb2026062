"""Going on with a run that was cut off: which checkpoints that can be done from."""

import logging
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.callbacks import ModelCheckpoint
from pytorch_lightning.trainer.states import TrainerFn
from tokenizers import Tokenizer

from data.files.atomic_write import written_whole
from data.files.checkpoint import read_saved, read_tensors
from data.files.errors import InputError
from data.splits.label_names import listed, places
from models.errors import OptionError
from pipelines.runtime.escaping import excerpt
from pipelines.tasks.allowed_classes import RefusedError
from pipelines.tasks.blueprint import compare
from pipelines.training.finite_weights import refuse_not_finite

log = logging.getLogger(__name__)

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
    _refuse_other_data(saved.description.get("inputs", {}), about["inputs"], where=where)
    try:
        compare(model, saved.weights)
    except RefusedError as error:
        raise InputError(f"{where}: {error}; give the options that it was trained with") from error
    refuse_not_finite(model, where=where, weights=saved.weights)


def _refuse_other_data(saved: dict[str, Any], due: dict[str, Any], *, where: str) -> None:
    """Raise where words would be numbered anew, or the run be tested on what it has learnt from.

    A checkpoint of an older version says less, and what is not said is not compared.
    """
    known = saved.keys() & due.keys()
    if "classes" in known and places(saved["classes"], due["classes"]) != [
        *range(len(due["classes"]))
    ]:
        raise InputError(
            f"{where}: its classes are {listed(saved['classes'])}, the data's are"
            f" {listed(due['classes'])}; resume with the data that it was trained on"
        )
    changed = []
    if "tokenizer" in known and _tokens(saved) != _tokens(due):
        changed.append("vocabulary")
    if "parts" in known and not _is_same(saved["parts"], due["parts"]):
        changed.append("parts")
    if changed:
        raise InputError(
            f"{where}: the data have changed since it was written (other {' and '.join(changed)}); a run"
            " goes on with the data, and the options of the data, that it began with: restore them, or"
            f" begin anew without {OPTION}"
        )


def _tokens(inputs: dict[str, Any]) -> dict[str, int]:
    try:
        return Tokenizer.from_str(inputs["tokenizer"]).get_vocab()
    except Exception:  # the library raises nothing more special
        return {}


def _is_same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return one.keys() == other.keys() and all(
        torch.equal(value, other[name]) if isinstance(value, torch.Tensor) else value == other[name]
        for name, value in one.items()
    )


class Resumption(Callback):
    """Takes from a checkpoint how far training has come, and no path of a file but beside it.

    A run has a folder of its own. The paths that an earlier one wrote, and would have removed, are
    not its. The earlier best, which lies beside the checkpoint that is gone on from, stays the one to
    surpass: a run in another folder begins with a copy of it.
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
            if isinstance(callback, ModelCheckpoint):
                name = Path(str(state.get("best_model_path") or "")).name
                self._take_best(trainer, callback, Path(self.path).with_name(name or "best.ckpt"))

    def _take_best(self, trainer: Trainer, callback: ModelCheckpoint, best: Path) -> None:
        """Let a run have to surpass the best of the one that it goes on from."""
        try:
            saved = read_tensors(best, where=str(best))
        except InputError as error:
            log.warning("%s; the best is that of the epochs from here on", error)
            return
        score = (saved.get("callbacks", {}).get(callback.state_key) or {}).get("best_model_score")
        own = Path(callback.dirpath or "checkpoints") / best.name
        if trainer.is_global_zero and own.resolve() != best.resolve():
            with written_whole(own) as place:
                shutil.copyfile(best, place)
        trainer.strategy.barrier("best checkpoint")
        callback.best_model_path = callback.kth_best_model_path = str(own)
        if isinstance(score, torch.Tensor) and score.numel() == 1 and score.isfinite():
            callback.best_model_score = callback.kth_value = score
            callback.best_k_models = {str(own): score}

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
                f" ({excerpt(error)}); give the options that it was trained with"
            ) from error
