"""Data module of videos: folders and lists of clips to ragged batches of frames."""

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

from data.batches.data_module import SequenceDataModule
from data.batches.part import Origin, Part
from data.batches.ragged import Skipped
from data.clips.clip import Clip, Listing
from data.clips.layouts import clips
from data.clips.left_out import left_out_below, tell_left_out, tell_unlisted
from data.decoding.decode import Reading, check_reading
from data.decoding.scaling import Fit, Interpolation
from data.examples.embedded import video_example
from data.files.errors import InputError
from data.splits.labels import encode_labels
from data.splits.leaks import Leak, duplicates, find_leaks, merge_groups
from data.tables.table_format import named_columns
from data.video.augment import Augmentation
from data.video.part import unreadable
from data.video.scanned_clips import ScannedClips

log = logging.getLogger(__name__)


class VideoDataModule(SequenceDataModule):
    """Clips in a folder per class, by official lists, or in a CSV file; every frame of each.

    Args:
        path: a folder with one sub-folder per class, with or without train, val and test above; a
            folder with the lists of UCF-101, HMDB-51 or Kinetics; or a CSV file
            (``path,label[,split][,group][,start_seconds,end_seconds]``, paths relative to it). None
            takes the embedded example of eight motions.
        path_column, label_column, split_column, group_column, start_seconds_column,
            end_seconds_column: names of the columns of the CSV file; null leaves one after the
            label unread. Other usual names (``file``, ``class``, ``start``) are found if just one
            column has one. Seconds count from the file's first video frame; the frame on display at
            the start is taken.
        columns: names of all columns, for a file without a header: ``path,label,split``.
        fold: number of the official split of UCF-101 or HMDB-51: 1, 2 or 3.
        size_px: height and width that frames are scaled to.
        fit: way to make frames square: crop, letterbox or stretch (see `FrameScaler`).
        interpolation: area, bilinear or fast (see `FrameScaler`).
        frames: frames of a clip to read: all, every=k, fps=r, or count=n spread over the whole clip
            (see `data.decoding.sampling`); a jump of the clock by hours counts as one usual step.
        max_frames: the most of these frames to read; None reads them all. The report says how many
            were cut off.
        min_share: the least share of a clip's frames that must be decoded; a clip with fewer is
            skipped.
        limit_seconds: time limit for decoding a clip; it grows by as much for every 1,000 frames
            decoded. A clip that takes longer is skipped.
        cache_gib: memory for the decoded clips of each part, in GiB; a part that fits is decoded
            only once.
        augment_crop, augment_color, augment_grey, augment_flip: random changes of clips during
            training (see `Augmentation`); none by default.
        steps_per_batch: the most frames in a batch, padding included; a longer clip is a batch of
            its own.
        val_share, test_share: share of each class to set aside where the source names no part.
            Clips of one group, and clips of the same bytes, stay on one side.
        num_workers: processes that read ahead; None takes half the cores, or none if the clips fit
            in the cache.
        on_error: skip clips that cannot be read and list them in the report, or fail. An unknown or
            missing label fails, unless its part has no labels.
        on_leak: report clips or groups that the source's own parts share, or fail.
        seed: seed of the parts, the batches and their order.
    """

    source_column = "path"
    described_options = Reading._fields

    def __init__(
        self,
        *,
        path: str | None = None,
        path_column: str = "path",
        label_column: str = "label",
        split_column: str | None = "split",
        group_column: str | None = "group",
        start_seconds_column: str | None = "start_seconds",
        end_seconds_column: str | None = "end_seconds",
        columns: str | None = None,
        fold: int = 1,
        size_px: int = 64,
        fit: Fit = "crop",
        interpolation: Interpolation = "area",
        frames: str = "all",
        max_frames: int | None = None,
        min_share: float = 0.5,
        limit_seconds: float = 60.0,
        cache_gib: float = 2.0,
        augment_crop: float = 1.0,
        augment_color: float = 0.0,
        augment_grey: float = 0.0,
        augment_flip: float = 0.0,
        steps_per_batch: int = 1024,
        val_share: float = 0.1,
        test_share: float = 0.2,
        num_workers: int | None = None,
        on_error: Literal["skip", "fail"] = "skip",
        on_leak: Literal["report", "fail"] = "report",
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
        self.columns = {
            "path": path_column,
            "label": label_column,
            "split": split_column,
            "group": group_column,
            "start_seconds": start_seconds_column,
            "end_seconds": end_seconds_column,
        }
        self.header = named_columns(columns, example="path,label,split")
        self.fold = fold
        self.reading = Reading(size_px, fit, interpolation, frames, max_frames, min_share)
        check_reading(self.reading, limit_seconds=limit_seconds)
        self.limit_seconds = limit_seconds
        self.cache_gib = cache_gib
        self.augment = {
            "crop": augment_crop, "color": augment_color, "grey": augment_grey,
            "flip": augment_flip,
        }  # fmt: skip
        Augmentation(size_px, **self.augment)
        self.on_leak = on_leak
        self._notes: dict[str, Any] = {}

    def read(self) -> tuple[dict[str, Part], list[str], Origin]:
        """Find the clips, scan them, name their classes, and divide them into parts."""
        source = Path(self.path) if self.path is not None else video_example()
        listing = clips(source, columns=self.columns, header=self.header, fold=self.fold)
        found = listing.clips
        named = None if found[0].part is None else [clip.part for clip in found]
        if source.is_dir():
            tell_left_out(str(source), left_out_below(source))
            tell_unlisted(source, [clip.path for clip in found])
        labels, classes = encode_labels(
            [clip.label for clip in found],
            classes=self.known_classes or listing.classes,
            where=listing.where,
            parts=named,
            # Clips that came after the training are left out, whatever their label.
            skip=None
            if self.part_record is None or self.is_other_source
            else self._skip_label(found),
        )
        scanned = ScannedClips(found, self.reading, limit_seconds=self.limit_seconds)
        for row, reason in scanned.problems.items():
            self._skip(row, found[row], reason)
        groups = [clip.group for clip in found]
        rows, reported = self.divide(
            labels,
            named,
            groups=merge_groups(groups, scanned.contents),
            classes=classes,
            where=listing.where,
            contents=scanned.keys(),
            files=scanned.keys(of_files=True),
        )
        self._note(listing, rows, groups, scanned.contents)
        parts: dict[str, Part] = {}
        for name, members in rows.items():
            ids = members[scanned.lengths[members] > 0]
            if len(ids) == 0:
                raise InputError(
                    f"{listing.where}: no readable clip in the part '{name}'; add clips to it"
                )
            is_learnt = name == "train"
            parts[name] = scanned.part(
                ids,
                np.asarray(labels)[ids],
                cache_bytes=int(self.cache_gib * 2**30),
                augmentation=(
                    Augmentation(self.reading.size_px, **self.augment) if is_learnt else None
                ),
                fail=self.on_error == "fail",
            )
        name = str(source) if self.path is not None else "embedded example (8 motions)"
        return parts, classes, Origin(name, reported)

    def _skip_label(self, found: list[Clip]) -> Callable[[int, str], None]:
        def skip(row: int, reason: str) -> None:
            self.skipped.append(Skipped(row, str(found[row].path), reason))

        return skip

    def _skip(self, row: int, clip: Clip, reason: str) -> None:
        if self.on_error == "fail":
            raise unreadable(clip.path, reason)
        self.skipped.append(Skipped(row, str(clip.path), reason))

    def _note(
        self,
        listing: Listing,
        rows: dict[str, np.ndarray],
        groups: Sequence[str | None],
        contents: Sequence[str],
    ) -> None:
        """Note duplicates and leaks for the report, and log the leaks."""
        paths = [str(clip.path) for clip in listing.clips]
        stretches = [
            (content, clip.section) for content, clip in zip(contents, listing.clips, strict=True)
        ]
        leaks = find_leaks(rows, groups=groups, contents=contents)
        self._notes = {
            "frames": self.reading.frames,
            "duplicates": [[paths[k] for k in same] for same in duplicates(stretches)],
            "leaks": [_plain(leak, paths) for leak in leaks],
        }
        if not leaks:
            return
        first = " and ".join(f"{paths[of[0]]} ({part})" for part, of in leaks[0].rows.items())
        what = "the same bytes" if leaks[0].kind == "duplicate" else f"group {leaks[0].name}"
        line = (
            f"{listing.where}: {len(leaks)} leak(s) between its parts, e.g. {first}: {what}; clips"
            " that belong together should stand in one part"
        )
        if self.on_leak == "fail":
            raise InputError(f"{line}; mend the list, or let it pass with --data.on_leak=report")
        log.warning("%s; the report lists them all", line)

    def notes(self) -> dict[str, Any]:
        """Collect notes for the report: sampling rule, duplicates, and leaks between parts."""
        _ = self.parts
        return super().notes() | self._notes

    def describe(self) -> dict[str, Any]:
        """Describe classes, parts and the options of decoding."""
        return super().describe() | self.reading._asdict()

    def adopt(self, description: dict[str, Any]) -> None:
        """Take over a description (see `describe`)."""
        super().adopt(description)
        self.reading = Reading.among(description)


def _plain(leak: Leak, paths: Sequence[str]) -> dict[str, Any]:
    return {
        "kind": leak.kind,
        "name": str(leak.name),
        "clips": {part: [paths[k] for k in rows] for part, rows in leak.rows.items()},
    }
