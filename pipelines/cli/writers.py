"""The training commands of models that write, which may go on from a language model."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from pytorch_lightning.cli import LightningArgumentParser

from data.files.errors import InputError
from data.tokens.vocabulary import END
from models.heads.softmax import Softmax
from pipelines.cli.training import TrainingCLI
from pipelines.runs.run_folders import WITHOUT_ATTENTION
from pipelines.tasks.kinds import Kind
from pipelines.tasks.text_checkpoints import load_language, tokenizer_of
from pipelines.training.finetuning import read_by_others
from pipelines.training.last_checkpoint import NAME


class GenerationCLI(TrainingCLI):
    """Trains a model that writes; a language model may give it its decoder."""

    def __init__(self, kind: Kind, args: list[str]) -> None:
        #: description of the language model that the decoder starts from
        self.language_model: dict[str, Any] | None = None
        super().__init__(kind, args)

    def before_instantiate_classes(self) -> None:
        """Take over what a language model brings."""
        if self.config.model.pretrained is not None:
            self._go_on_from(self.config.model.pretrained)
        super().before_instantiate_classes()

    def _go_on_from(self, path: str) -> None:
        """Its tokenizer, and an encoder of tokens, a decoder and a softmax of its sizes."""
        where = f"--model.pretrained={path}"
        task = load_language(path, option="--model.pretrained", trust=self.config.trust)
        self.language_model = task.description
        described = task.description["model"]
        if not isinstance(task.model.head, Softmax):
            raise InputError(
                f"{where}: its softmax has clusters, which that of a decoder has not; train it with"
                " --model.adaptive_cutoffs=null"
            )
        if tokenizer_of(task).token_to_id(END) != described["num_tokens"] - 1:
            raise InputError(
                f"{where}: it has read one running text, and never the end of one; train it on texts,"
                " e.g. the column of a table by --data.text_column=target"
            )
        words = "encoder" if self.config.model.words is None else "words"
        self.take_layers(self.config.model[words], described["encoder"])
        self.take_layers(self.config.model.decoder, described["recurrence"])
        self.config.model.tied = described.get("tied", False)
        self.config.data.tokenizer_from = path

    def prepare(self) -> Callable[[], dict[str, Any]]:
        """Tell what the language model has read of the texts that are measured on."""
        if self.language_model is None or not self.trainer.is_global_zero:
            return super().prepare()
        found = read_by_others(self.datamodule, self.language_model, {})
        return lambda: found


class TranslationCLI(GenerationCLI):
    """Trains a translator, and the same without attention beside it if asked to."""

    def __init__(self, kind: Kind, args: list[str]) -> None:
        self._args = args
        super().__init__(kind, args)

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Adds the baseline that is trained."""
        super().add_arguments_to_parser(parser)
        parser.add_argument(
            "--compare_without_attention",
            type=bool,
            default=False,
            help="train the same model without attention as well, as long, and report it beside",
        )

    def before_instantiate_classes(self) -> None:
        """Refuse what contradicts itself."""
        if self.config.compare_without_attention and self.config.model.attention == "none":
            raise InputError(
                "--compare_without_attention=true and --model.attention=none: the model has none;"
                " leave one of them out"
            )
        super().before_instantiate_classes()

    def fit(self) -> None:
        """Train; then the same model without attention, if it is asked for."""
        super().fit()
        if self.config.compare_without_attention and not self.config.trainer.fast_dev_run:
            WithoutAttentionCLI(self.kind, self._args, folder=self.folder).run()


class WithoutAttentionCLI(TranslationCLI):
    """Trains a translator of the same options without attention, in the folder of another's run.

    Args:
        kind, args: of the other one.
        folder: of its run.
    """

    def __init__(self, kind: Kind, args: list[str], *, folder: Path) -> None:
        self._beside = folder
        # The run may have been cut off before this one began.
        is_begun = (self.choose_folder() / "checkpoints" / NAME).is_file()
        own = ["--model.attention=none", "--compare_without_attention=false", "--ckpt_path=null"]
        super().__init__(kind, [*args, *own, f"--resume={str(is_begun).lower()}"])

    def choose_folder(self) -> Path:
        return self._beside / WITHOUT_ATTENTION

    @property
    def run_name(self) -> str:
        return self._beside.name

    def make_folder(self) -> None:
        self.folder.mkdir(exist_ok=True)

    def run(self) -> None:
        """Train; the report of the other one reads the checkpoint."""
        self.check_checkpoints()
        self.create_run()
        self.fit()
