"""From a tested model to its report; and the command that tests a saved model on other data."""

import argparse
import sys
from functools import partial
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from jsonargparse import ArgumentParser
from pytorch_lightning import Trainer
from tqdm import tqdm

from data.errors import InputError
from data.module import Part, SequenceDataModule
from models.pooling import mean
from pipelines import baselines
from pipelines.answers import middle
from pipelines.calibration import describe_calibration, tempered
from pipelines.checkpoints import DATA_MODULES, data_module, load
from pipelines.classify import SequenceClassifier
from pipelines.cores import LeaveCores
from pipelines.errors import one_line_errors
from pipelines.features import FeatureCache
from pipelines.intervals import describe_intervals
from pipelines.measures import ranking
from pipelines.order import describe_order
from pipelines.quiet import ignore_noise
from pipelines.report import Predictions, scores, summary, write_report
from pipelines.report_page import PageInputs, report_page
from pipelines.run_history import read_history
from pipelines.runs import create_run, is_first_process, name_run
from pipelines.shown_examples import choose, look_at
from pipelines.slices import all_slices
from pipelines.surroundings import surroundings

BASELINES_FILE = "baselines.npz"


def report_test(
    model: SequenceClassifier,
    data: SequenceDataModule,
    *,
    folder: Path,
    train_seconds: float,
    fit_baselines: bool,
    baselines_file: Path | None = None,
    extra: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Write ``folder/report`` of the test just run, and print its summary.

    Args:
        model: holds the answers of the test.
        data: the data it was tested on.
        folder: the run's.
        train_seconds: how long the model was trained.
        fit_baselines: fit the baselines on the training part and keep them in the folder.
        baselines_file: where fitted baselines lie instead; missing ones are left out.
        extra: further keys of the report.
    """
    if model.answers is None:
        raise InputError(
            f"{data.path}: not one example could be read; the files are damaged or missing"
        )
    part = data.parts[data.reported_part]
    answers = model.answers
    position = {int(k): at for at, k in enumerate(part.ids)}
    positions = [position[int(k)] for k in answers.ids]
    sources = part.sources(positions)
    untempered = answers.probabilities.numpy()
    predictions = Predictions(
        ids=answers.ids.numpy(),
        sources=sources,
        source_column=data.source_column,
        labels=answers.labels.numpy(),
        probabilities=tempered(untempered, model.temperature),
        classes=model.classes,
    )
    inputs = _Inputs(
        texts=sources if data.source_column == "text" else [],
        mean_frames=answers.mean_features.numpy(),
        middle_frames=answers.middle_features.numpy(),
    )
    fitted: list[Any] = []
    if fit_baselines:
        fitted = _fit_baselines(model, data)
        baselines.save(folder / BASELINES_FILE, fitted)
    elif baselines_file is not None and baselines_file.is_file():
        fitted = baselines.load(baselines_file)
    skipped = {one.id: one for one in data.skipped} | model.skipped
    answered = {one.name: one.predict_proba(inputs.of(one)) for one in fitted}
    labels, predicted = predictions.labels, predictions.probabilities.argmax(1)
    chosen = choose(labels, predictions.probabilities)
    shown = look_at(model, part, [positions[k] for k in chosen], temperature=model.temperature)
    page_inputs = PageInputs(
        labels=labels,
        probabilities=predictions.probabilities,
        untempered=untempered,
        lengths=answers.lengths.numpy(),
        part_sizes={name: len(one) for name, one in data.parts.items()},
        examples=list(shown),
        history=read_history(folder / "metrics.csv"),
        config={"model": model.description["model"], "data": model.description["data"]},
    )
    traits = {name: values[positions] for name, values in part.traits.items()}
    report = write_report(
        folder / "report",
        predictions,
        task=model.description["task"],
        data=data.origin.name,
        split=data.origin.reported_part,
        truncated_steps=part.truncated_steps,
        skipped=[
            {data.source_column: one.source, "reason": one.reason}
            for _, one in sorted(skipped.items())
        ],
        train_seconds=train_seconds,
        baselines={name: scores(labels, given) for name, given in answered.items()},
        extra={
            **data.notes(),
            "intervals": describe_intervals(
                labels,
                predicted,
                {name: given.argmax(1) for name, given in answered.items()},
                num_classes=len(model.classes),
            ),
            "ranking": ranking(labels, predictions.probabilities, model.classes),
            "calibration": describe_calibration(labels, untempered, model.temperature),
            "slices": all_slices(answers.lengths.numpy(), traits, predicted == labels),
            "order": describe_order(*(field.numpy() for field in model.reordered))
            if model.reordered
            else None,
            "surroundings": surroundings(),
            **(extra or {}),
        },
        page=partial(report_page, inputs=page_inputs, model_name=_model_name(model)),
    )
    print(summary(report, model_name=_model_name(model)))
    print(f"Report: {folder / 'report' / 'report.html'}")
    return report


def _model_name(model: SequenceClassifier) -> str:
    return type(model.members[0].recurrence).__name__


class _Inputs(NamedTuple):
    """What the baselines know of n examples."""

    texts: list[str]
    """n texts; none where the examples are clips."""
    mean_frames: np.ndarray
    """(n, D)"""
    middle_frames: np.ndarray
    """(n, D)"""

    def of(self, baseline: baselines.Baseline) -> Any:
        """What one of them predicts from."""
        if isinstance(baseline, baselines.TfidfLogisticRegression):
            return self.texts
        if isinstance(baseline, baselines.SingleFrameLogisticRegression):
            return self.middle_frames
        return self.mean_frames


def _fit_baselines(model: SequenceClassifier, data: SequenceDataModule) -> list[baselines.Baseline]:
    train = data.parts["train"]
    kinds: list[type[baselines.Baseline]] = [baselines.Majority]
    if data.source_column == "text":
        kinds += [baselines.TfidfLogisticRegression]
        labels = train.labels
        inputs = _Inputs(train.sources(), np.empty((len(labels), 0)), np.empty((len(labels), 0)))
    else:
        kinds += [
            baselines.MeanFrameLogisticRegression,
            baselines.SingleFrameLogisticRegression,
        ]
        mean_frames, middle_frames, labels = frame_features(model, data, train)
        inputs = _Inputs([], mean_frames, middle_frames)
    fitted: list[baselines.Baseline] = []
    for kind in tqdm(kinds, desc="Fitting baselines", disable=None):
        one = kind()
        fitted.append(one.fit(inputs.of(one), labels, len(model.classes)))
    return fitted


def frame_features(
    model: SequenceClassifier, data: SequenceDataModule, part: Part
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of each example the mean encoded step (n, D), the middle one (n, D), and the labels (n,)."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model = model.to(device).eval()
    means, middles, labels = [], [], []
    with torch.inference_mode():
        # By one process alone: it must see all examples and not its share of them.
        for batch in tqdm(data.loader(part, alone=True), desc="Frame features", disable=None):
            if batch.num_sequences:
                features = model.encode(batch.steps.to(device)).float()
                lengths = batch.lengths.to(device)
                means.append(mean(features, lengths).cpu())
                middles.append(middle(features, lengths).cpu())
                labels.append(batch.labels)
    return torch.cat(means).numpy(), torch.cat(middles).numpy(), torch.cat(labels).numpy()


def main(args: list[str] | None = None) -> None:
    """``python -m pipelines.evaluate --ckpt=… [--data.path=…]``."""
    ignore_noise()
    with one_line_errors():
        _evaluate(sys.argv[1:] if args is None else args)


def _evaluate(args: list[str]) -> None:
    # Which options there are depends on the checkpoint: that one is looked for first.
    first = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    first.add_argument("--ckpt")
    first.add_argument("--task")
    known, rest = first.parse_known_args(args)
    wants_help = "--help" in rest or "-h" in rest
    if known.ckpt is None and not wants_help:
        raise InputError(
            "CKPT is missing: name a checkpoint, e.g. CKPT=runs/video/latest/checkpoints/best.ckpt"
        )
    task = known.task or "video"
    parser = ArgumentParser(description="Test a saved model and report.")
    _add_own_arguments(parser)
    parser.add_class_arguments(Trainer, "trainer")
    model = None
    if known.ckpt is not None:
        model = load(Path(known.ckpt), task=known.task)
        task = model.description["task"]
    parser.add_class_arguments(DATA_MODULES[task], "data")
    if model is not None:
        # The user repeats no option: what the model was trained with holds until said otherwise.
        parser.set_defaults({f"data.{k}": v for k, v in model.description["data"].items()})
    options = parser.parse_args(args)
    assert model is not None
    _evaluate_model(model, options, names_data=any(a.startswith("--data.path") for a in args))


def _add_own_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--ckpt", type=str | None, default=None, help="the checkpoint")
    parser.add_argument(
        "--task",
        type=Literal["video", "sentiment"] | None,
        default=None,
        help="refuse a checkpoint of another task",
    )
    parser.add_argument("--run", type=str | None, default=None, help="name of the run")
    parser.add_argument(
        "--split",
        type=Literal["train", "val", "test", "all"] | None,
        default=None,
        help="the part to test on; default: all of the data named, or the test part of the data"
        " the model was trained on",
    )


def _evaluate_model(model: SequenceClassifier, options: Any, *, names_data: bool) -> None:
    torch.set_flush_denormal(True)
    task = model.description["task"]
    data = data_module(model.description, **vars(options.data))
    data.reported_part = options.split or ("all" if names_data else "test")
    name = name_run(task, options.run)
    _ = data.parts  # what cannot be read fails before a folder is made
    callbacks = options.trainer.callbacks or []
    trainer = Trainer(
        **{
            **vars(options.trainer),
            "callbacks": [*callbacks, FeatureCache(), LeaveCores()],
            "logger": False,
            "enable_checkpointing": False,
            "use_distributed_sampler": False,
        }
    )
    trainer.test(model, datamodule=data, verbose=False)
    if trainer.is_global_zero and is_first_process():
        report_test(
            model,
            data,
            folder=create_run(task, name, is_training=False),
            train_seconds=model.description["train_seconds"],
            fit_baselines=False,
            baselines_file=Path(options.ckpt).parent.parent / BASELINES_FILE,
        )


if __name__ == "__main__":
    main()
