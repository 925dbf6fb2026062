"""Data module of translation: pairs of texts to batches of tokens of one vocabulary."""

import logging
from types import MappingProxyType
from typing import Any, Literal

import numpy as np

from data.batches.part import Origin, Part
from data.batches.ragged import Skipped
from data.examples.phrases import phrase_pairs
from data.files.errors import InputError
from data.tables.table_format import Quoting, table_format
from data.text.writing import WritingDataModule
from data.tokens.token_rows import TokenRows, end_of
from data.tokens.tokenizing import content_of
from data.tokens.vocabulary import TokenizerKind
from data.translation.pairs import Pairs, read_pairs
from data.translation.part import PairPart
from data.translation.tokenised import MOST_TOKENISED, tokenised_share

log = logging.getLogger(__name__)

_CLASSES = ["translation"]


class TranslationDataModule(WritingDataModule):
    """Texts and their translations, as tokens of one vocabulary for both languages.

    Args:
        path: a table with a column for each side, a data set of the hub, or two aligned text files,
            ``train.en:train.de``. None takes the embedded example: dates, times and amounts as people
            write them in four languages, and one standard form of each.
        val_path, test_path: further sources of the same kinds for these parts.
        source_column, target_column: columns of a table.
        split_column: column that names the part of each pair; None leaves it unread.
        columns, encoding, quoting: see `data.text.TextDataModule`.
        tokenizer: unit of a step: ``subwords`` (byte-pair encoding, in which nothing is unknown),
            ``words`` or ``characters``.
        vocabulary_size: number of tokens in the vocabulary, taken from both sides of the training part.
        min_frequency: the least number of occurrences of a token in the vocabulary.
        lowercase: whether to fold case on both sides.
        tokenizer_from: take the tokenizer as it is: a tokenizer.json of Hugging Face, or a
            checkpoint of this project.
        max_tokens: the most tokens to read of a side of a pair to train on; None reads all. Validation
            and test read all, as an answer does.
        steps_per_batch: step budget of a batch: tokens of both sides, padding included.
        val_share, test_share: shares to set aside where no source gives such a part. Pairs with one
            source stay together.
        on_error: treatment of pairs that cannot be read: ``skip`` or ``fail``.
        seed: seed of the parts, the batches and their order.
    """

    source_column = "source"
    file_options = ("columns", "encoding", "quoting", "split_column", "val_path", "test_path")
    linked = MappingProxyType(
        {"num_tokens": ("model.num_tokens", "model.encoder.init_args.num_tokens")}
    )

    def __init__(
        self,
        *,
        path: str | None = None,
        val_path: str | None = None,
        test_path: str | None = None,
        source_column: str = "source",
        target_column: str = "target",
        split_column: str | None = "split",
        columns: str | None = None,
        encoding: str | None = None,
        quoting: Quoting = "double",
        tokenizer: TokenizerKind = "subwords",
        vocabulary_size: int = 8_000,
        min_frequency: int = 2,
        lowercase: bool = False,
        tokenizer_from: str | None = None,
        max_tokens: int | None = 200,
        steps_per_batch: int = 4_000,
        val_share: float = 0.1,
        test_share: float = 0.1,
        on_error: Literal["skip", "fail"] = "skip",
        seed: int = 0,
    ) -> None:
        super().__init__(
            path=path,
            val_path=val_path,
            test_path=test_path,
            tokenizer=tokenizer,
            vocabulary_size=vocabulary_size,
            min_frequency=min_frequency,
            lowercase=lowercase,
            tokenizer_from=tokenizer_from,
            each_digit=True,
            max_tokens=max_tokens,
            steps_per_batch=steps_per_batch,
            val_share=val_share,
            test_share=test_share,
            num_workers=0,
            on_error=on_error,
            seed=seed,
        )
        self.columns: dict[str, Any] = {
            "source_column": source_column,
            "target_column": target_column,
            "split_column": split_column,
        }
        self.format = table_format(columns=columns, encoding=encoding, quoting=quoting)
        self._tokenised: dict[str, float] = {}

    def read(self) -> tuple[dict[str, Part], list[str], Origin]:
        """Read the pairs, divide them, learn the vocabulary of the training part, and tokenize."""
        pairs = self._pairs()
        self._note(pairs)
        is_usable = np.zeros(len(pairs.sources), bool)
        is_usable[pairs.usable] = True
        contents = np.fromiter(map(content_of, pairs.sources), np.int64, len(pairs.sources))
        # A source of signs alone has no content that could be compared.
        rows = np.arange(len(contents))
        contents = np.where(contents == 0, -1 - rows, contents)
        divided, reported = self.divide(
            np.where(is_usable, 0, -1),
            pairs.parts,
            groups=contents,
            classes=_CLASSES,
            where=pairs.where,
            contents=contents,
        )
        # A later test has no training part, and a tokenizer from the checkpoint.
        train = divided.get("train", np.empty(0, np.int64)).tolist()
        self.learn(text for side in (pairs.sources, pairs.targets) for text in _at(side, train))
        if self.num_learnt == 0:
            self.num_learnt = len(train)
        self.note_repeated(divided, contents, where=pairs.where)
        for name, members in divided.items():
            self._note_tokenised(name, _at(pairs.targets, members.tolist()), where=pairs.where)
        parts = {name: self._part(pairs, members, name) for name, members in divided.items()}
        name = self.path if self.path is not None else "embedded example (dates, times, amounts)"
        return parts, _CLASSES, Origin(name, reported)

    def _pairs(self) -> Pairs:
        if self.path is None:
            return _embedded_pairs()
        first = read_pairs(self.path, format=self.format, **self.columns)
        further = {
            part: read_pairs(path, format=self.format, **self.columns)
            for part, path in self.further.items()
            if path is not None
        }
        return _joined(first, further) if further else first

    def _part(self, pairs: Pairs, rows: np.ndarray, name: str) -> Part:
        assert self.tokenizer is not None
        max_tokens = self.max_tokens if name == "train" else None
        sources, targets = _at(pairs.sources, rows.tolist()), _at(pairs.targets, rows.tolist())
        return PairPart(
            sources,
            targets,
            ids=rows,
            source_tokens=TokenRows(sources, self.tokenizer, max_tokens=max_tokens),
            target_tokens=TokenRows(targets, self.tokenizer, max_tokens=max_tokens),
            end=end_of(self.tokenizer),
        )

    def _note_tokenised(self, name: str, references: list[str], *, where: str) -> None:
        """Note the share of references to measure on that look tokenised."""
        share = tokenised_share(references) if name != "train" else 0.0
        if share > MOST_TOKENISED:
            self._tokenised[name] = share
            log.warning(
                "%s: %.0f%% of the targets of the part '%s' look tokenised (a blank before full stops,"
                " @-@, &apos;), and their BLEU does not compare with that of other texts; give texts as"
                " people write them",
                *(where, 100 * share, name),
            )

    def notes(self) -> dict[str, Any]:
        """Collect facts about the data for the report: also references that look tokenised."""
        return super().notes() | {"tokenised_references": self._tokenised}

    def _note(self, pairs: Pairs) -> None:
        for row, reason in pairs.problems.items():
            if self.on_error == "fail":
                raise InputError(
                    f"{pairs.where}, {reason}; mend it, or leave it out with --data.on_error=skip"
                )
            self.skipped.append(Skipped(row, pairs.sources[row], reason))


def _embedded_pairs() -> Pairs:
    """The embedded example as a source of pairs with named parts."""
    rows = phrase_pairs()
    return Pairs(
        [row.source for row in rows],
        [row.target for row in rows],
        [row.part for row in rows],
        {},
        "embedded example",
    )


def _joined(first: Pairs, further: dict[str, Pairs]) -> Pairs:
    """One table: the pairs of the first source, and those of each further one as its part."""
    sources, targets, problems = [*first.sources], [*first.targets], dict(first.problems)
    parts = ["train"] * len(sources) if first.parts is None else list(first.parts)
    for part, pairs in further.items():
        problems |= {row + len(sources): why for row, why in pairs.problems.items()}
        sources += pairs.sources
        targets += pairs.targets
        parts += [part] * len(pairs.sources)
    return Pairs(sources, targets, parts, problems, first.where)


def _at(values: list[str], rows: list[int]) -> list[str]:
    return [values[row] for row in rows]
