"""The table of kinds: what is trained, on which data, how it is read again and reported.

Parts are named, and imported when they are asked for: who answers texts needs no decoder of videos,
and a report no command. Nothing else compares the name of a task.
"""

from importlib import import_module
from typing import Any, NamedTuple

from data.files.errors import InputError


class Kind(NamedTuple):
    """One kind of model, by the names of its parts."""

    name: str
    """Name in commands, folders of runs and checkpoints."""
    task: str
    """The subclass of `pipelines.tasks.task.Task` that trains it."""
    data: str
    """The data module."""
    report: str
    """The function that reports what was trained and tested (see `report_classifier`)."""
    reader: str = "pipelines.predict.data_steps.DataSteps"
    """Reader of the items to answer (see `pipelines.predict.steps.Reader`)."""
    answered_by: str = "pipelines.predict.predictor.predictor_of"
    """The function that makes of a checkpoint what answers (see `predictor_of`)."""
    exported_by: str = "pipelines.export.kinds.classifier.export_classifier"
    """The function that makes of a checkpoint the graphs that are exported (see `export_classifier`)."""
    watched_by: str | None = None
    """The function that reads a stream by what answers (see `watch_clips`); None: there is none."""
    looked_at_by: str | None = None
    """The function that makes of the microscope's options what it looks at; None: nothing."""
    served_by: str | None = None
    """The function that makes of a checkpoint what the server asks (see
    `pipelines.serve.answerers.served.Served`); None: nothing."""
    recipe: str = "vectors"
    """The YAML file in ``pipelines/recipes`` with its defaults."""
    command: str = "pipelines.cli.classifiers.ClassifierCLI"
    """The subclass of `pipelines.cli.training.TrainingCLI` that trains it."""
    rebuilt_by: str = "pipelines.tasks.checkpoints.classification_of"
    """The function that rebuilds the task of a checkpoint (see `classification_of`)."""
    test_report: str | None = "pipelines.report.classification_report.report_test"
    """The function that reports a later test (see `report_test`); None: there is none."""
    comparison: str | None = "pipelines.compare.classified.compare_classified"
    """The function that compares finished runs (see `compare_classified`); None: there is none."""
    callbacks: tuple[str, ...] = (
        "pipelines.tasks.features.FeatureCache",
        "pipelines.runtime.cores.LeaveCores",
    )
    """The callbacks of training, and of a later test."""

    @property
    def task_class(self) -> Any:
        """The class behind ``task``."""
        return imported(self.task)

    @property
    def data_class(self) -> Any:
        """The class behind ``data``."""
        return imported(self.data)

    @property
    def reader_class(self) -> Any:
        """The class behind ``reader``."""
        return imported(self.reader)

    @property
    def make_answerer(self) -> Any:
        """The function behind ``answered_by``."""
        return imported(self.answered_by)

    @property
    def make_exported(self) -> Any:
        """The function behind ``exported_by``."""
        return imported(self.exported_by)

    @property
    def watch(self) -> Any:
        """The function behind ``watched_by``."""
        assert self.watched_by is not None
        return imported(self.watched_by)

    @property
    def command_class(self) -> Any:
        """The class behind ``command``."""
        return imported(self.command)

    @property
    def specimen(self) -> Any:
        """The function behind ``looked_at_by``, or None."""
        return None if self.looked_at_by is None else imported(self.looked_at_by)

    @property
    def make_served(self) -> Any:
        """The function behind ``served_by``, or None."""
        return None if self.served_by is None else imported(self.served_by)

    @property
    def rebuild_task(self) -> Any:
        """The function behind ``rebuilt_by``."""
        return imported(self.rebuilt_by)

    @property
    def report_test(self) -> Any:
        """The function behind ``test_report``."""
        assert self.test_report is not None
        return imported(self.test_report)

    def make_callbacks(self) -> list[Any]:
        """Make callbacks of the classes behind ``callbacks``."""
        return [imported(name)() for name in self.callbacks]

    @property
    def write_report(self) -> Any:
        """The function behind ``report``."""
        return imported(self.report)


CLASSIFICATION = "pipelines.tasks.classification.Classification"
CLASSIFICATION_REPORT = "pipelines.report.classification_report.report_classifier"

#: by name; a row more is a kind more
KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind(
            "video",
            task=CLASSIFICATION,
            data="data.video.VideoDataModule",
            reader="pipelines.predict.steps.ClipSteps",
            report=CLASSIFICATION_REPORT,
            watched_by="pipelines.watch.clips.watch_clips",
            looked_at_by="pipelines.microscope.command.specimen_of_clip",
            served_by="pipelines.serve.answerers.classified.served_clips",
            recipe="video",
        ),
        Kind(
            "sentiment",
            task=CLASSIFICATION,
            data="data.text.TextDataModule",
            reader="pipelines.predict.steps.TextSteps",
            report=CLASSIFICATION_REPORT,
            watched_by="pipelines.watch.texts.watch_texts",
            looked_at_by="pipelines.microscope.command.specimen_of_text",
            served_by="pipelines.serve.answerers.classified.served_texts",
            recipe="sentiment",
        ),
        Kind(
            "language",
            task="pipelines.tasks.next_token.NextToken",
            data="data.running_text.LanguageDataModule",
            report="pipelines.report.language_page.report_language_model",
            exported_by="pipelines.export.kinds.language.export_language",
            looked_at_by="pipelines.microscope.command.specimen_of_running_text",
            recipe="language",
            command="pipelines.cli.training.TrainingCLI",
            test_report=None,
            comparison=None,
            callbacks=(),
        ),
        Kind(
            "translation",
            task="pipelines.tasks.generation.Generation",
            data="data.translation.TranslationDataModule",
            report="pipelines.report.generation.report.report_generation",
            answered_by="pipelines.predict.writing.translator.translator_of",
            exported_by="pipelines.export.kinds.writer.export_writer",
            served_by="pipelines.serve.answerers.written.served_translator",
            recipe="translation",
            command="pipelines.cli.writers.TranslationCLI",
            rebuilt_by="pipelines.tasks.text_checkpoints.translator_of",
            comparison="pipelines.compare.written.compare_translations",
            test_report="pipelines.report.generation.report.report_generation_test",
            callbacks=(),
        ),
        Kind(
            "captions",
            task="pipelines.tasks.captioning.Captioning",
            data="data.captions.CaptionDataModule",
            report="pipelines.report.captions.report.report_captions",
            answered_by="pipelines.predict.writing.captioner.captioner_of",
            watched_by="pipelines.watch.clips.watch_captions",
            exported_by="pipelines.export.kinds.writer.export_writer",
            served_by="pipelines.serve.answerers.written.served_captioner",
            recipe="captions",
            command="pipelines.cli.writers.GenerationCLI",
            rebuilt_by="pipelines.tasks.text_checkpoints.translator_of",
            comparison="pipelines.compare.written.compare_captions",
            test_report="pipelines.report.captions.report.report_captions_test",
        ),
    )
}


def classifiers() -> dict[str, Kind]:
    """The kinds that answer with one class."""
    return {name: kind for name, kind in KINDS.items() if kind.task == CLASSIFICATION}


def tested() -> dict[str, Kind]:
    """The kinds whose saved models can be tested later."""
    return {name: kind for name, kind in KINDS.items() if kind.test_report is not None}


def kind_of(name: str) -> Kind:
    """The kind of a name.

    Raises:
        InputError: there is none.
    """
    if name not in KINDS:
        raise InputError(f"{name}: no kind of model; give one of {', '.join(KINDS)}")
    return KINDS[name]


def imported(path: str) -> Any:
    """Import a class or a function by its path."""
    module, _, name = path.rpartition(".")
    return getattr(import_module(module), name)
