"""A test that was run, without a model that was trained."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import torch

from models.heads.calibrated import CalibratedSoftmax
from pipelines.report.attribution import Attribution
from pipelines.report.shown_examples import ShownExample
from pipelines.tasks.answers import Answers, Reordered


class Outcome:
    """A test of n examples and K classes, for `report_test`: a model and its data, as far as it asks."""

    def __init__(
        self,
        labels: Any,
        probabilities: Any,
        *,
        classes: list[str] | None = None,
        lengths: Any = None,
        sources: list[str] | None = None,
        traits: dict[str, np.ndarray] | None = None,
        skipped: tuple = (),
        temperature: float = 1.0,
        slope: float = 0.0,
        bias: Any = 0.0,
        with_order: bool = True,
    ) -> None:
        labels = np.asarray(labels)
        shares = np.asarray(probabilities, float)
        (n, k), predicted = shares.shape, shares.argmax(1)
        self.labels, self.predicted = labels, predicted
        self.classes = classes or [f"class {one}" for one in range(k)]
        lengths = np.ones(n, int) if lengths is None else np.asarray(lengths)
        texts = sources or [f"text {k}" for k in range(n)]
        part = SimpleNamespace(
            ids=np.arange(n), labels=labels, truncated_steps=0, traits=traits or {},
            categories={"kind": np.array([f"<b>{k % 3}" if k % 4 else None for k in range(n)], object)},
            contents=np.unique(texts, return_inverse=True)[1],
            sources=lambda positions: [texts[k] for k in positions],
        )  # fmt: skip
        with np.errstate(divide="ignore"):
            scores = np.maximum(np.log(shares), -1e4)  # finite, as those of a test are
        rows = map(torch.from_numpy, (np.arange(n), labels, lengths, scores))
        otherwise = np.stack([labels, predicted, np.zeros(n, int)], 1)
        orders = Reordered(*map(torch.from_numpy, (np.arange(n), labels, predicted, otherwise)))
        softmax = CalibratedSoftmax(k)
        softmax.temperature.fill_(temperature)
        softmax.slope.fill_(slope)
        softmax.bias.copy_(torch.tensor(bias))
        self.model: Any = SimpleNamespace(
            answers=Answers(*rows, torch.zeros(n, 2), torch.zeros(n, 2)),
            reordered=orders if with_order else None,
            probabilities=softmax,
            classes=self.classes,
            skipped={},
            model=SimpleNamespace(title="LSTM"),
            description={"task": "sentiment"},
        )
        self.data: Any = SimpleNamespace(
            path="texts.csv", parts={"test": part}, reported_part="test", source_column="text",
            origin=SimpleNamespace(name="$texts$ <b>", reported_part="test"), notes=dict,
            skipped=[SimpleNamespace(id=n + k, source=one, reason=one) for k, one in enumerate(skipped)],
        )  # fmt: skip

    def shown(self, model: Any, part: Any, positions: list[int]):
        """Instead of `look_at`, which needs a real model."""
        for position in positions:
            text = part.sources([position])[0] or "-"
            shares = model.answers.scores[position].softmax(0).numpy()
            yield ShownExample(
                source=text, label=self.classes[self.labels[position]],
                predicted=self.classes[self.predicted[position]],
                probabilities=dict(zip(self.classes, shares.tolist(), strict=True)),
                places=np.arange(len(text)), running=np.tile(shares, (len(text), 1)),
                attribution=Attribution(np.zeros(len(text)), 0.0, 0.0), pieces=list(text),
                frames=np.empty((0, 0, 0, 3), np.uint8), frame_steps=[],
            )  # fmt: skip
