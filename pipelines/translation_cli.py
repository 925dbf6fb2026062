"""The training command of translators, which may go on from a language model."""

from data.files.errors import InputError
from data.text.vocabulary import END
from models.heads.softmax import Softmax
from pipelines.cli import TrainingCLI
from pipelines.tasks.text_checkpoints import load_language, tokenizer_of


class TranslationCLI(TrainingCLI):
    """Trains a translator; a language model may give it its decoder."""

    def before_instantiate_classes(self) -> None:
        """Take over what a language model brings."""
        if self.config.model.pretrained is not None:
            self._go_on_from(self.config.model.pretrained)
        super().before_instantiate_classes()

    def _go_on_from(self, path: str) -> None:
        """Its tokenizer, and an encoder, a decoder and a softmax of its sizes."""
        where = f"--model.pretrained={path}"
        task = load_language(path, option="--model.pretrained", trust=self.config.trust)
        described = task.description["model"]
        if not isinstance(task.model.head, Softmax):
            raise InputError(
                f"{where}: its softmax has clusters, which that of a translator has not; train it with"
                " --model.adaptive_cutoffs=null"
            )
        if tokenizer_of(task).token_to_id(END) != described["num_tokens"] - 1:
            raise InputError(
                f"{where}: it has read one running text, and never the end of one; train it on texts,"
                " e.g. the column of a table by --data.text_column=target"
            )
        self.take_layers(self.config.model.encoder, described["encoder"])
        self.take_layers(self.config.model.decoder, described["recurrence"])
        self.config.model.tied = described.get("tied", False)
        self.config.data.tokenizer_from = path
