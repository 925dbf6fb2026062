"""Base of the data modules whose examples have texts to write: captions, translation."""

import logging
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from tokenizers import Tokenizer

from data.text.tokenised import TokenisedDataModule
from data.tokens.token_rows import tokenizer_with_end
from data.tokens.tokenizing import content_of
from data.tokens.vocabulary import TokenizerKind

log = logging.getLogger(__name__)


class WritingDataModule(TokenisedDataModule):
    """Sources, and texts to write of them with END as the last token of one vocabulary.

    Args:
        val_path, test_path: further sources for these parts.
        tokenizer, vocabulary_size, min_frequency, lowercase, each_digit: see `learn_tokenizer`.
        tokenizer_from, max_tokens, options: see `TokenisedDataModule`.
    """

    def __init__(
        self,
        *,
        val_path: str | None,
        test_path: str | None,
        tokenizer: TokenizerKind,
        vocabulary_size: int,
        min_frequency: int,
        lowercase: bool,
        tokenizer_from: str | None,
        max_tokens: int | None,
        each_digit: bool = False,
        **options: Any,
    ) -> None:
        learning = {
            "kind": tokenizer,
            "vocabulary_size": vocabulary_size,
            "min_frequency": min_frequency,
            "lowercase": lowercase,
            "strip_markup": False,
            "each_digit": each_digit,
        }
        super().__init__(
            learning=learning, tokenizer_from=tokenizer_from, max_tokens=max_tokens, **options
        )
        self.further = {"val": val_path, "test": test_path}
        #: number of sources that the model was trained on
        self.num_learnt = 0
        self._repeated: dict[str, int] = {}

    def learn(self, texts: Iterable[str]) -> Tokenizer:
        """Take the tokenizer that is known or given, or learn it from the texts of the training part."""
        if self.tokenizer is None:
            self.tokenizer = tokenizer_with_end(texts, given=self.tokenizer_from, **self.learning)
        # A text that spells END has no END in it.
        self.tokenizer.encode_special_tokens = True
        return self.tokenizer

    def note_repeated(
        self, rows: Mapping[str, np.ndarray], contents: np.ndarray, *, where: str
    ) -> None:
        """Count the sources to measure on that are also learnt from.

        Args:
            rows: rows of each part.
            contents: (n,) int64 keys: equal for sources of equal content.
            where: name of the data in the warning.
        """
        known = contents[rows.get("train", np.empty(0, np.int64))]
        for name, members in rows.items():
            count = int(np.isin(contents[members], known).sum()) if name != "train" else 0
            if count:
                self._repeated[name] = count
                log.warning(
                    "%s: %d of %d sources of the part '%s' are also learnt from, which flatters its"
                    " figures",
                    *(where, count, len(members), name),
                )

    def text_contents(self, part: Any) -> np.ndarray:
        """Content keys int64 of all texts to write."""
        return np.asarray([content_of(one) for some in part.written() for one in some], np.int64)

    def notes(self) -> dict[str, Any]:
        """Collect facts about the data for the report: also sources that are in two parts."""
        _ = self.parts
        return super().notes() | {"repeated_sources": self._repeated}

    def describe(self) -> dict[str, Any]:
        """Describe the data, and the number of sources in training."""
        return super().describe() | {"num_learnt": self.num_learnt}

    def adopt(self, description: dict[str, Any]) -> None:
        """Take over a description (see `describe`)."""
        super().adopt(description)
        self.num_learnt = int(description["num_learnt"])
