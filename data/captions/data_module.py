"""Data module of captions: pictures and clips with sentences, to batches of frames and tokens."""

import logging
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
from tokenizers import Tokenizer

from data.batches.data_module import SequenceDataModule
from data.batches.part import Origin, Part
from data.batches.ragged import Skipped
from data.captions.listing import Captioned, read_captions
from data.captions.part import CaptionPart, References
from data.decoding.decode import Reading, check_reading
from data.decoding.scaling import Fit, Interpolation
from data.examples.caption_clips import caption_example
from data.files.errors import InputError
from data.splits.leaks import merge_groups
from data.tables.table_format import named_columns
from data.text.token_rows import tokenizer_with_end
from data.text.vocabulary import TokenizerKind
from data.video.part import unreadable
from data.video.scanned_clips import ScannedClips

log = logging.getLogger(__name__)

_CLASSES = ["caption"]


class CaptionDataModule(SequenceDataModule):
    """Pictures and clips, and one or more captions of each.

    Args:
        path: a CSV file (``path,caption[,split]``, paths relative to it; several rows a path are its
            references), the JSON of COCO's captions, or ``Flickr8k.token.txt``. None takes the
            embedded example: clips of one or two shapes that move, grow and shrink.
        val_path, test_path: further lists of the same kinds for these parts.
        folder: folder that names in JSON and in Flickr8k's lists are relative to; None: that of the
            list, or the only folder below it that holds them.
        path_column, caption_column, split_column, group_column: columns of a table.
        columns: names of all columns, for a table without a header: ``path,caption``.
        size_px, fit, interpolation, frames, max_frames, min_share, limit_seconds, cache_gib: see
            `data.video.VideoDataModule`; a picture is a clip of one frame.
        tokenizer: unit of what is written: ``words``, ``subwords`` or ``characters``.
        vocabulary_size: number of tokens in the vocabulary, taken from the training part.
        min_frequency: the least number of occurrences of a token in the vocabulary.
        lowercase: whether to fold case.
        tokenizer_from: see `data.text.TextDataModule`; the options above do not matter then.
        max_tokens: the most tokens of a caption to learn from; None: all.
        steps_per_batch: step budget of a batch: frames, and tokens of all captions, padding included.
        val_share, test_share: shares to set aside where no source gives such a part. Files of the same
            bytes stay together.
        num_workers, on_error, seed: see `SequenceDataModule`.
    """

    source_column = "path"
    file_options = ("folder", "columns", "split_column", "val_path", "test_path")
    described_options = Reading._fields
    linked = MappingProxyType(
        {"num_tokens": ("model.num_tokens", "model.words.init_args.num_tokens")}
    )

    def __init__(
        self,
        *,
        path: str | None = None,
        val_path: str | None = None,
        test_path: str | None = None,
        folder: str | None = None,
        path_column: str = "path",
        caption_column: str = "caption",
        split_column: str | None = "split",
        group_column: str | None = "group",
        columns: str | None = None,
        size_px: int = 64,
        fit: Fit = "crop",
        interpolation: Interpolation = "area",
        frames: str = "all",
        max_frames: int | None = None,
        min_share: float = 0.5,
        limit_seconds: float = 60.0,
        cache_gib: float = 2.0,
        tokenizer: TokenizerKind = "words",
        vocabulary_size: int = 10_000,
        min_frequency: int = 2,
        lowercase: bool = True,
        tokenizer_from: str | None = None,
        max_tokens: int | None = 60,
        steps_per_batch: int = 2_000,
        val_share: float = 0.1,
        test_share: float = 0.1,
        num_workers: int | None = None,
        on_error: Literal["skip", "fail"] = "skip",
        seed: int = 0,
    ) -> None:
        super().__init__(
            path=path,
            steps_per_batch=steps_per_batch,
            val_share=val_share,
            test_share=test_share,
            num_workers=num_workers,
            on_error=on_error,
            seed=seed,
        )
        if max_tokens is not None and max_tokens < 1:
            raise InputError(f"--data.max_tokens={max_tokens}: at least 1, or null to read all")
        self.further = {"val": val_path, "test": test_path}
        self.folder = folder
        self.columns = {
            "path": path_column,
            "label": caption_column,
            "split": split_column,
            "group": group_column,
        }
        self.header = named_columns(columns, example="path,caption,split")
        self.reading = Reading(size_px, fit, interpolation, frames, max_frames, min_share)
        check_reading(self.reading, limit_seconds=limit_seconds)
        self.limit_seconds, self.cache_gib = limit_seconds, cache_gib
        self.learning: dict[str, Any] = {
            "kind": tokenizer,
            "vocabulary_size": vocabulary_size,
            "min_frequency": min_frequency,
            "lowercase": lowercase,
            "strip_markup": False,
        }
        self.max_tokens, self.tokenizer_from = max_tokens, tokenizer_from
        self.tokenizer: Tokenizer | None = None
        #: number of pictures and clips, and of captions, that the model was trained on
        self.num_learnt = self.num_captions_learnt = 0
        self._references: References | None = None
        self._repeated: dict[str, int] = {}

    @property
    def tokenizer_size(self) -> int | None:
        """Size of the vocabulary, as soon as it is known."""
        return None if self.tokenizer is None else self.tokenizer.get_vocab_size()

    @property
    def num_tokens(self) -> int:
        """Size of the vocabulary, END among it."""
        _ = self.parts
        assert self.tokenizer is not None
        return self.tokenizer.get_vocab_size()

    def read(self) -> tuple[dict[str, Part], list[str], Origin]:
        """Read the list, scan its files, divide them, learn the vocabulary, and tokenize."""
        listed = self._listed()
        scanned = ScannedClips(
            listed.clips, self.reading, limit_seconds=self.limit_seconds, pictures=True
        )
        problems = listed.problems | scanned.problems
        self._note(listed, problems)
        is_usable = np.ones(len(listed.clips), bool)
        is_usable[list(problems)] = False
        divided, reported = self.divide(
            np.where(is_usable, 0, -1),
            listed.parts,
            groups=merge_groups([clip.group for clip in listed.clips], scanned.contents),
            classes=_CLASSES,
            where=listed.where,
            contents=scanned.keys(),
            files=scanned.keys(of_files=True),
        )
        self._note_repeated(divided, scanned.keys(of_files=True), where=listed.where)
        if self.tokenizer is None:
            texts = (text for row in divided["train"] for text in listed.references[row])
            self.tokenizer = tokenizer_with_end(texts, given=self.tokenizer_from, **self.learning)
        # A text that spells END has no END in it.
        self.tokenizer.encode_special_tokens = True
        if self.num_learnt == 0:
            learnt = divided["train"].tolist()
            self.num_learnt = len(learnt)
            self.num_captions_learnt = sum(len(listed.references[row]) for row in learnt)
        self._references = References(listed.references, self.tokenizer, max_tokens=self.max_tokens)
        parts: dict[str, Part] = {}
        for name, rows in divided.items():
            if len(rows) == 0:
                raise InputError(
                    f"{listed.where}: no readable picture or clip in the part '{name}'; add some"
                )
            frames = scanned.part(
                rows,
                np.zeros(len(rows), np.int64),
                cache_bytes=int(self.cache_gib * 2**30),
                augmentation=None,
                fail=self.on_error == "fail",
            )
            parts[name] = CaptionPart(frames, self._references)
        name = self.path if self.path is not None else "embedded example (shapes that move)"
        return parts, _CLASSES, Origin(name, reported)

    def connect(
        self,
        *,
        parts: Mapping[str, Part] = MappingProxyType({}),
        learnt: Part | None = None,
        skipped: Sequence[Skipped] = (),
    ) -> None:
        """Take over features of pictures and clips; their captions stay."""
        assert self._references is not None
        with_captions = {
            name: CaptionPart(inputs, self._references) for name, inputs in parts.items()
        }
        super().connect(parts=with_captions, learnt=learnt, skipped=skipped)

    def _listed(self) -> Captioned:
        if self.path is None:
            columns = {"path": "path", "label": "caption", "split": "split"}
            return read_captions(str(caption_example()), columns=columns, header=None, folder=None)
        options: dict[str, Any] = {
            "columns": self.columns, "header": self.header, "folder": self.folder,
        }  # fmt: skip
        first = read_captions(self.path, **options)
        further = {
            part: read_captions(path, **options)
            for part, path in self.further.items()
            if path is not None
        }
        return _joined(first, further) if further else first

    def _note(self, listed: Captioned, problems: Mapping[int, str]) -> None:
        for row, reason in sorted(problems.items()):
            path = listed.clips[row].path
            if self.on_error == "fail":
                raise unreadable(path, reason)
            self.skipped.append(Skipped(row, str(path), reason))

    def _note_repeated(
        self, rows: Mapping[str, np.ndarray], contents: np.ndarray, *, where: str
    ) -> None:
        """Count the files to measure on that are also learnt from."""
        known = contents[rows.get("train", np.empty(0, np.int64))]
        for name, members in rows.items():
            count = int(np.isin(contents[members], known).sum()) if name != "train" else 0
            if count:
                self._repeated[name] = count
                log.warning(
                    "%s: %d of %d files of the part '%s' are also learnt from, which flatters its"
                    " figures",
                    *(where, count, len(members), name),
                )

    def notes(self) -> dict[str, Any]:
        """Collect facts about the data for the report: also files that are in two parts."""
        _ = self.parts
        return super().notes() | {"repeated_sources": self._repeated}

    def describe(self) -> dict[str, Any]:
        """Describe the parts, their size in training, how frames are read, and the tokenizer."""
        described = super().describe() | self.reading._asdict()
        assert self.tokenizer is not None
        return described | {
            "tokenizer": self.tokenizer.to_str(),
            "num_learnt": self.num_learnt,
            "num_captions_learnt": self.num_captions_learnt,
        }

    def adopt(self, description: dict[str, Any]) -> None:
        """Take over a description (see `describe`)."""
        super().adopt(description)
        self.reading = Reading.among(description)
        self.tokenizer = Tokenizer.from_str(description["tokenizer"])
        self.num_learnt = int(description["num_learnt"])
        self.num_captions_learnt = int(description["num_captions_learnt"])


def _joined(first: Captioned, further: Mapping[str, Captioned]) -> Captioned:
    """One list: the rows of the first source, and those of each further one as its part."""
    clips = [clip._replace(part=clip.part or "train") for clip in first.clips]
    references = [*first.references]
    for part, listed in further.items():
        clips += [clip._replace(part=part) for clip in listed.clips]
        references += listed.references
    return Captioned(clips, references, first.where)
