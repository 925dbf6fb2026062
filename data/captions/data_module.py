"""Data module of captions: pictures and clips with sentences, to batches of frames and tokens."""

from collections import Counter
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Literal

import numpy as np

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
from data.text.writing import WritingDataModule
from data.tokens.vocabulary import TokenizerKind
from data.video.part import unreadable
from data.video.scanned_clips import ScannedClips

_CLASSES = ["caption"]


class CaptionDataModule(WritingDataModule):
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
            val_path=val_path,
            test_path=test_path,
            tokenizer=tokenizer,
            vocabulary_size=vocabulary_size,
            min_frequency=min_frequency,
            lowercase=lowercase,
            tokenizer_from=tokenizer_from,
            max_tokens=max_tokens,
            steps_per_batch=steps_per_batch,
            val_share=val_share,
            test_share=test_share,
            num_workers=num_workers,
            on_error=on_error,
            seed=seed,
        )
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
        #: number of captions that the model was trained on
        self.num_captions_learnt = 0
        #: the most frequent caption among them
        self.most_frequent: str | None = None
        self._references: References | None = None

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
        self.note_repeated(divided, scanned.keys(of_files=True), where=listed.where)
        # A later test has no training part, and a tokenizer from the checkpoint.
        train = divided.get("train", np.empty(0, np.int64)).tolist()
        tokenizer = self.learn(text for row in train for text in listed.references[row])
        if self.num_learnt == 0:
            self.num_learnt = len(train)
            learnt = [text for row in train for text in listed.references[row]]
            self.num_captions_learnt, self.most_frequent = len(learnt), _most_frequent(learnt)
        self._references = References(listed.references, tokenizer, max_tokens=self.max_tokens)
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

    def describe(self) -> dict[str, Any]:
        """Describe also the captions learnt, and how frames are read."""
        learnt = {
            "num_captions_learnt": self.num_captions_learnt,
            "most_frequent": self.most_frequent,
        }
        return super().describe() | self.reading._asdict() | learnt

    def adopt(self, description: dict[str, Any]) -> None:
        """Take over a description (see `describe`)."""
        super().adopt(description)
        self.reading = Reading.among(description)
        self.num_captions_learnt = int(description["num_captions_learnt"])
        # Older checkpoints do not hold it.
        self.most_frequent = description.get("most_frequent")


def _most_frequent(captions: Sequence[str]) -> str | None:
    """The caption that is most often given, regardless of case; the first of several."""
    counts = Counter(one.lower() for one in captions)
    return max(captions, key=lambda one: counts[one.lower()], default=None)


def _joined(first: Captioned, further: Mapping[str, Captioned]) -> Captioned:
    """One list: the rows of the first source, and those of each further one as its part."""
    clips = [clip._replace(part=clip.part or "train") for clip in first.clips]
    references = [*first.references]
    for part, listed in further.items():
        clips += [clip._replace(part=part) for clip in listed.clips]
        references += listed.references
    return Captioned(clips, references, first.where)
