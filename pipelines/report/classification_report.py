"""Report of a tested classifier: measures of its answers, baselines, and examples to look at."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from data.batches.data_module import SequenceDataModule
from data.files.errors import InputError
from pipelines.behaviour.page import lead
from pipelines.behaviour.section import describe_behaviour
from pipelines.metrics import baselines
from pipelines.metrics.calibration import Calibration, describe_calibration
from pipelines.metrics.intervals import describe_intervals
from pipelines.metrics.measures import ranking, scores
from pipelines.metrics.order import describe_order
from pipelines.metrics.slices import all_slices, by_category
from pipelines.report import fitted_baselines
from pipelines.report.classification import (
    Predictions,
    classification_figures,
    summary,
    write_classification,
)
from pipelines.report.classification_page import PageInputs, report_page
from pipelines.report.shown_examples import choose, look_at
from pipelines.runs.run_history import read_history, read_options
from pipelines.runtime.surroundings import surroundings
from pipelines.tasks.classification import Classification

BASELINES_FILE = "baselines.npz"


def report_classifier(
    model: Classification,
    data: SequenceDataModule,
    *,
    folder: Path,
    fit_baselines: bool,
    extra: dict[str, Any],
    behaviour: bool = True,
) -> None:
    """Write ``folder/report`` and print its summary, on the first rank; all ranks call it.

    Args:
        model: holds the answers of the test.
        data: what it was trained and tested on.
        folder: the run's.
        fit_baselines: fit the baselines on the training part.
        extra: further keys of the report.
        behaviour: ask a classifier of texts the behaviour tests too.
    """
    learnt = fitted_baselines.learnt_from(model, data, model.trainer) if fit_baselines else None
    if not model.trainer.is_global_zero:
        return
    report_test(
        model,
        data,
        folder=folder,
        train_seconds=model.train_seconds,
        learnt=learnt,
        extra=extra,
        behaviour=behaviour,
    )


def report_test(
    model: Classification,
    data: SequenceDataModule,
    *,
    folder: Path,
    train_seconds: float,
    learnt: fitted_baselines.Learnt | None = None,
    trained_in: Path | None = None,
    extra: dict[str, Any] | None = None,
    behaviour: bool = True,
) -> dict[str, Any]:
    """Write ``folder/report`` of the test just run, and print its summary.

    Args:
        model: holds the answers of the test.
        data: the data it was tested on.
        folder: this run's.
        train_seconds: how long the model was trained.
        learnt: what the baselines are fitted on, to be kept in the folder; None fits none.
        trained_in: the folder of the run that trained the model, if it is another: fitted baselines,
            options and curves lie there; what is missing is left out.
        extra: further keys of the report.
        behaviour: see `report_classifier`.
    """
    if model.answers is None:
        reason = next((one.reason for one in model.skipped.values()), "files are missing")
        raise InputError(f"{data.path}: not one example could be answered, e.g. {reason}")
    part = data.parts[data.reported_part]
    answers = model.answers
    position = {int(k): at for at, k in enumerate(part.ids)}
    positions = [position[int(k)] for k in answers.ids]
    predictions = Predictions(
        ids=answers.ids.numpy(),
        sources=part.sources(positions),
        source_column=data.source_column,
        labels=answers.labels.numpy(),
        probabilities=model.probabilities(answers.scores, answers.lengths).numpy(),
        classes=model.classes,
    )
    fitted: list[baselines.Baseline] = []
    if learnt is not None:
        fitted = fitted_baselines.fit_baselines(learnt, num_classes=len(model.classes))
        baselines.save(folder / BASELINES_FILE, fitted)
    elif trained_in is not None and (trained_in / BASELINES_FILE).is_file():
        fitted = baselines.load(trained_in / BASELINES_FILE)
    inputs = fitted_baselines.BaselineInputs(
        texts=predictions.sources if data.source_column == "text" else [],
        mean_frames=answers.mean_features.numpy(),
        middle_frames=answers.middle_features.numpy(),
    )
    rivals = {one.name: one.predict_proba(inputs.of(one)) for one in fitted}
    skipped = {one.id: one for one in data.skipped} | model.skipped
    found = describe_behaviour(model, inputs.texts) if behaviour and inputs.texts else {}
    traits = {name: values[positions] for name, values in part.traits.items()}
    categories = {name: values[positions] for name, values in part.categories.items()}
    model_name = model.model.title
    report = classification_figures(
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
        baselines={name: scores(predictions.labels, given) for name, given in rivals.items()},
        extra={
            **data.notes(),
            **_measured(model, predictions, rivals, traits, categories),
            **found,
            **(extra or {}),
        },
    )
    print(summary(report, model_name=model_name))
    if "behaviour" in report:
        print(lead(report["behaviour"]))

    def page(report: dict[str, Any]) -> str:
        inputs = _page_inputs(model, data, predictions, positions, trained_in or folder)
        return report_page(report, inputs, model_name=model_name)

    write_classification(folder / "report", report, predictions, page=page)
    print(f"Report: {folder / 'report' / 'report.html'}")
    return report


def _measured(
    model: Classification,
    predictions: Predictions,
    rivals: dict[str, np.ndarray],
    traits: dict[str, np.ndarray],
    categories: dict[str, np.ndarray],
) -> dict[str, Any]:
    """Measure what scikit-learn's table lacks: intervals, ranking, calibration, slices, order.

    Args:
        model: holds the answers of the test.
        predictions: the same, of n examples.
        rivals: by name the probabilities (n, K) of each baseline.
        traits, categories: figures and names that are known of the examples, (n,) each.
    """
    assert model.answers is not None
    labels, predicted = predictions.labels, predictions.probabilities.argmax(1)
    order = None
    if model.reordered is not None:
        order = describe_order(*(field.numpy() for field in model.reordered[1:]))
    return {
        "intervals": describe_intervals(
            labels,
            predicted,
            {name: given.argmax(1) for name, given in rivals.items()},
            num_classes=len(model.classes),
        ),
        "ranking": ranking(labels, predictions.probabilities, model.classes),
        "calibration": describe_calibration(
            labels,
            before=model.answers.scores.softmax(1).numpy(),
            after=predictions.probabilities,
            calibration=Calibration.of(model.probabilities),
            classes=model.classes,
        ),
        "slices": all_slices(model.answers.lengths.numpy(), traits, predicted == labels),
        "categories": {
            name: figures
            for name, values in categories.items()
            if (figures := by_category(values, labels, predictions.probabilities, rivals))
        },
        "order": order,
        "run": surroundings(),
    }


def _page_inputs(
    model: Classification,
    data: SequenceDataModule,
    predictions: Predictions,
    positions: list[int],
    trained_in: Path,
) -> PageInputs:
    """Collect the inputs of the page; ``positions`` are those of the examples in their part."""
    assert model.answers is not None
    part = data.parts[data.reported_part]
    trained_on = model.description.get("trained_on")
    contents = part.contents[positions].tolist()
    chosen = choose(predictions.labels, predictions.probabilities, contents)
    repeats = Counter(contents)
    times = [repeats[contents[k]] for k in chosen]
    looked_at = look_at(model, part, [positions[k] for k in chosen])
    return PageInputs(
        labels=predictions.labels,
        probabilities=predictions.probabilities,
        uncalibrated=model.answers.scores.softmax(1).numpy(),
        lengths=model.answers.lengths.numpy(),
        class_counts={
            name: np.bincount(one.labels, minlength=len(model.classes)).tolist()
            for name, one in data.parts.items()
            if name != "unlabelled"
        },
        trained_on="{examples:,} examples of {name}".format_map(trained_on) if trained_on else "",
        examples=(one._replace(times=n) for one, n in zip(looked_at, times, strict=True)),
        history=read_history(trained_in / "metrics.csv"),
        config=read_options(trained_in / "config.yaml"),
    )
