"""Teachers: classifiers trained before answer the texts without a label.

n texts · K classes
"""

from collections.abc import Sequence
from itertools import islice

import numpy as np
import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from tqdm import tqdm

from data.batches.data_module import SequenceDataModule
from data.batches.joined import JoinedPart
from data.batches.part import Part
from data.files.errors import InputError
from data.splits.label_names import places
from pipelines.predict.inputs import Item
from pipelines.predict.predictor import Prediction, Predictor, load_predictor
from pipelines.processes.ranks import from_all_ranks
from pipelines.tasks.classification import Classification

_TEXTS_AT_ONCE = 1000


class Teachers(Callback):
    """Adds the unlabelled part to the training part before training, with teachers' answers as targets.

    Each rank computes its share of the answers.

    Args:
        checkpoints: classifiers of the same classes; the mean of their probabilities is the target.
        trust: files and modules whose classes the checkpoints may name.
    """

    def __init__(self, checkpoints: Sequence[str], *, trust: str | None = None) -> None:
        self.checkpoints, self.trust = checkpoints, trust
        #: number of texts left out because a teacher could not read them
        self.num_unanswered = 0

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Answer and connect the texts, before the model looks at its training data."""
        if stage != "fit":
            return
        assert isinstance(pl_module, Classification)
        data: SequenceDataModule = trainer.datamodule  # type: ignore[attr-defined]
        if "unlabelled" not in data.parts:
            raise InputError(
                f"--teachers={list(self.checkpoints)}: they answer texts without a label; name"
                " some by --data.unlabelled"
            )
        part = data.parts["unlabelled"]
        shares = np.mean(
            [self._answers(path, part, trainer, pl_module) for path in self.checkpoints], axis=0
        )
        answered = np.flatnonzero(~np.isnan(shares[:, 0]))
        self.num_unanswered = len(part) - len(answered)
        joined = JoinedPart(data.learnt_part, part, chosen=answered)
        data.connect(learnt=joined)
        pl_module.training_loss.teach(
            joined.first_other,
            torch.from_numpy(shares[answered]),
        )

    def _answers(
        self, path: str, part: Part, trainer: Trainer, student: Classification
    ) -> np.ndarray:
        """Probabilities (n, K) by one teacher, gathered from all ranks."""
        teacher = load_predictor(
            path, task=student.description["task"], device=trainer.strategy.root_device
        )
        at = places(student.classes, teacher.classes)
        if at is None:
            raise InputError(
                f"--teachers={path}: knows the classes {', '.join(teacher.classes)}, the data have"
                f" {', '.join(student.classes)}; name a classifier of the same"
            )
        rank, num_ranks = trainer.global_rank, trainer.world_size
        classes = [teacher.classes[k] for k in at]
        ours = asked(teacher, part, range(rank, len(part), num_ranks), classes=classes)
        shares = np.empty((len(part), len(student.classes)))
        for k, some in enumerate(from_all_ranks(trainer, ours)):
            shares[k::num_ranks] = some
        return shares


def asked(
    teacher: Predictor, part: Part, positions: Sequence[int], *, classes: Sequence[str]
) -> np.ndarray:
    """Teacher's probabilities (n, K) for the texts at some positions; NaN where it reads no word."""
    rows = []
    remaining = iter(tqdm(positions, "Asking the teacher", disable=None))
    while some := list(islice(remaining, _TEXTS_AT_ONCE)):
        for found, _ in teacher.answers(map(Item, part.sources(some))):
            if isinstance(found, Prediction):
                rows.append([found.probabilities[name] for name in classes])
            else:
                rows.append([np.nan] * len(classes))
    return np.array(rows).reshape(-1, len(classes))
