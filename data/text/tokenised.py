"""Base of the data modules whose texts are cut into tokens of one learnt vocabulary."""

from typing import Any

from tokenizers import Tokenizer

from data.batches.data_module import SequenceDataModule
from data.files.errors import InputError


class TokenisedDataModule(SequenceDataModule):
    """Sequences of tokens, whose tokenizer is learnt from the training part or given.

    Args:
        learning: options of `learn_tokenizer`, which are the key of a learnt one in the cache.
        tokenizer_from: path of a tokenizer or a checkpoint to take it from; None: it is learnt.
        max_tokens: the most tokens of a text to learn from; None: all.
        options: see `SequenceDataModule`.

    Raises:
        InputError: less than one token of a text.
    """

    def __init__(
        self,
        *,
        learning: dict[str, Any],
        tokenizer_from: str | None,
        max_tokens: int | None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        if max_tokens is not None and max_tokens < 1:
            raise InputError(f"--data.max_tokens={max_tokens}: at least 1, or null to read all")
        self.learning = learning
        self.max_tokens, self.tokenizer_from = max_tokens, tokenizer_from
        self.tokenizer: Tokenizer | None = None

    @property
    def tokenizer_size(self) -> int | None:
        """Size of the vocabulary, as soon as it is known."""
        return None if self.tokenizer is None else self.tokenizer.get_vocab_size()

    @property
    def num_tokens(self) -> int:
        """Size of the vocabulary."""
        _ = self.parts
        assert self.tokenizer is not None
        return self.tokenizer.get_vocab_size()

    def describe(self) -> dict[str, Any]:
        """Describe the data, and the tokenizer as JSON."""
        described = super().describe()
        assert self.tokenizer is not None
        return described | {"tokenizer": self.tokenizer.to_str()}

    def adopt(self, description: dict[str, Any]) -> None:
        """Take over a description (see `describe`)."""
        super().adopt(description)
        self.tokenizer = Tokenizer.from_str(description["tokenizer"])
