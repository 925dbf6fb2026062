"""Examination of a video data set: a verdict for every clip, and problems of the whole set.

A verdict names the worst finding about a clip, in this order:

- ``unreadable``: no frame can be decoded, or the decoder hangs or crashes;
- ``damaged``: frames are missing (see `data.video.checkup.Checkup`);
- ``unlabelled``: it has no label;
- ``conflict``: the same bytes occur under another label too;
- ``leak``: the same bytes, or clips of the same group, are in another part that the source names;
- ``implausible``: it can be read, but its clock can hardly be right (see `data.video.checkup`);
- ``duplicate``: the same bytes occur again, in the same part or before parts are drawn. This is not
  wrong: training keeps them on one side, where they only count twice;
- ``ok``: a reason beside it is a remark, such as a second video stream.
"""

import os
from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from pathlib import Path
from typing import Literal, NamedTuple, get_args

import numpy as np

from data.clips.clip import VIDEO_SUFFIXES, Clip, Listing, video_files
from data.files.errors import InputError
from data.files.folders import is_junk
from data.splits.label_names import in_order
from data.splits.labels import encode_labels, hints, named_labels
from data.splits.leaks import Leak, duplicates, find_leaks, merge_groups
from data.splits.parts import PART_NAMES, split
from data.video.checkup import Checkup, check_clips, size_of
from data.video.scan import contents_of

Verdict = Literal[
    "ok", "duplicate", "implausible", "leak", "conflict", "unlabelled", "damaged", "unreadable"
]  # fmt: skip
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
WRONG = frozenset(VERDICTS) - {"ok", "duplicate"}

_LEAST_OF_A_CLASS = 3


class Finding(NamedTuple):
    """Verdict on a clip."""

    clip: Clip
    verdict: Verdict
    reason: str
    """Reason in one line; empty for a clip that is ok, without remarks."""
    checkup: Checkup
    num_bytes: int


class Diagnosis(NamedTuple):
    """Result of examining a data set."""

    where: str
    findings: list[Finding]
    copies: list[list[int]]
    """Indices into ``findings`` of each set of clips with the same bytes."""
    leaks: list[Leak]
    """Leaks between parts; their rows are indices into ``findings``."""
    problems: list[str]
    """Problems of the set as a whole."""
    hints: list[str]
    """Hints, a line each, at labels that may be meant as one."""
    unlisted: list[Path]
    """Video files beside the clips that are not listed."""
    no_videos: list[Path]
    """Files among the clips without the suffix of a video."""

    @property
    def wrong(self) -> list[Finding]:
        """Findings that need a look, the worst first."""
        found = [finding for finding in self.findings if finding.verdict in WRONG]
        return sorted(found, key=lambda finding: -VERDICTS.index(finding.verdict))

    @property
    def is_healthy(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems and not self.wrong


def examine(
    listing: Listing, source: Path, *, limit_seconds: float = 60.0, show_progress: bool = True
) -> Diagnosis:
    """Examine a data set by reading all of it once. Labels are named as in training.

    Args:
        listing: clips of the source, from `data.clips.layouts.clips`.
        source: path of the folder or file.
        limit_seconds: time limit of a clip; it grows by as much for every 1,000 frames.
        show_progress: draw progress bars where there is a terminal.
    """
    listing = listing._replace(clips=_with_names(listing))
    clips = listing.clips
    checkups = check_clips(clips, limit_seconds=limit_seconds, show_progress=show_progress)
    contents = contents_of([clip.path for clip in clips], show_progress=show_progress)
    stretches: list[Hashable] = [
        (content, clip.section) for content, clip in zip(contents, clips, strict=True)
    ]
    copies, leaks = duplicates(stretches), _leaks(clips, contents)
    verdicts = _verdicts(clips, checkups, copies, leaks)
    unlisted, no_videos = _strays(clips, source)
    return Diagnosis(
        where=listing.where,
        findings=[
            Finding(clip, *verdict, checkup, size_of(clip.path))
            for clip, verdict, checkup in zip(clips, verdicts, checkups, strict=True)
        ],
        copies=copies,
        leaks=leaks,
        problems=_problems(listing, [one.is_readable for one in checkups], contents),
        hints=hints({clip.label for clip in clips if clip.label}),
        unlisted=unlisted,
        no_videos=no_videos,
    )


def _with_names(listing: Listing) -> list[Clip]:
    """Replace the label of each clip by the name of its class."""
    labels = named_labels(
        [clip.label for clip in listing.clips],
        parts=[clip.part for clip in listing.clips],
        where=listing.where,
    )
    return [clip._replace(label=name) for clip, name in zip(listing.clips, labels, strict=True)]


def part_of(clip: Clip) -> str | None:
    """Part of a clip: train, val, test, or the source's word if it is none of these."""
    return clip.part and PART_NAMES.get(clip.part.strip().lower(), clip.part)


def labels_like_parts(labels: Iterable[str | None]) -> list[str]:
    """List labels that have the name of a part, such as ``test``."""
    return sorted({label for label in labels if label and label.lower() in PART_NAMES})


def _leaks(clips: Sequence[Clip], contents: Sequence[str]) -> list[Leak]:
    rows: dict[str, list[int]] = {}
    for row, clip in enumerate(clips):
        if part := part_of(clip):
            rows.setdefault(part, []).append(row)
    return find_leaks(
        {part: np.array(of) for part, of in rows.items()},
        groups=[clip.group for clip in clips],
        contents=contents,
    )


def _verdicts(
    clips: Sequence[Clip],
    checkups: Sequence[Checkup],
    copies: Sequence[Sequence[int]],
    leaks: Sequence[Leak],
) -> list[tuple[Verdict, str]]:
    """Decide verdict and reason of each clip; worse verdicts come later and replace others."""
    verdicts: list[tuple[Verdict, str]] = [("ok", "")] * len(clips)
    labels = [clip.label for clip in clips]

    def same_as(row: int, other: int) -> str:
        if clips[other].path == clips[row].path:
            return "listed once more"
        return f"the same bytes as {clips[other].path}"

    for rows in copies:
        for row in rows:
            other = next(other for other in rows if other != row)
            more = f", and {len(rows) - 2:,} more" if len(rows) > 2 else ""
            verdicts[row] = "duplicate", same_as(row, other) + more
    for row, checkup in enumerate(checkups):
        if checkup.doubts:
            verdicts[row] = "implausible", "; ".join(checkup.doubts)
    # If a clip has two leaks, that of the same bytes comes last and stays.
    for leak in reversed(leaks):
        for part, rows in leak.rows.items():
            other_part, others = next(item for item in leak.rows.items() if item[0] != part)
            for row in rows:
                if leak.kind == "group":
                    what = f"of the group '{leak.name}', as {clips[others[0]].path}"
                else:
                    what = same_as(row, others[0])
                verdicts[row] = "leak", f"{what} in the part '{other_part}'"
    for rows in copies:
        for row in rows:
            unlike = [k for k in rows if labels[k] and labels[k] != labels[row]]
            if unlike:
                other = unlike[0]
                what = f"{same_as(row, other)} with the label '{labels[other]}'"
                verdicts[row] = "conflict", what
    for row, (label, checkup) in enumerate(zip(labels, checkups, strict=True)):
        if not label:
            verdicts[row] = "unlabelled", "has no label"
        if checkup.fault:
            verdicts[row] = "damaged" if checkup.is_readable else "unreadable", checkup.fault
    return [
        (verdict, "; ".join(filter(None, (why, *checkup.remarks))))
        for (verdict, why), checkup in zip(verdicts, checkups, strict=True)
    ]


def _problems(listing: Listing, readable: Sequence[bool], contents: Sequence[str]) -> list[str]:
    """List problems that would end training, or leave a class out of it.

    Whether parts can be drawn is tried with the function that draws them for training.
    """
    rows = [row for row, clip in enumerate(listing.clips) if clip.label]
    clips = [listing.clips[row] for row in rows]
    labels = [clip.label or "" for clip in clips]
    if len(set(labels)) < 2:
        which = f"only the class '{labels[0]}' occurs" if labels else "no clip has a label"
        return [f"{which}: at least 2 classes are needed"]
    like_parts = labels_like_parts(labels)
    if len({PART_NAMES[name.lower()] for name in like_parts}) > 1:
        return [
            f"the classes {', '.join(repr(name) for name in like_parts)} are named like parts of a data"
            " set: is there another folder beside them? take it out, or name the parts in a list"
        ]
    parts = {part_of(clip) for clip in clips} - {None}
    in_training = Counter(
        clip.label
        for clip, row in zip(clips, rows, strict=True)
        if readable[row] and part_of(clip) in ("train", None)
    )
    least = 1 if parts else _LEAST_OF_A_CLASS
    problems = [
        f"class '{label}': {in_training[label]} clip(s) that can be read are too few"
        f" {'for training' if parts else 'to draw parts from'}: {least} is the least; add clips"
        for label in dict.fromkeys(labels)
        if in_training[label] < least
    ]
    if problems:
        return problems
    try:
        known = listing.classes or in_order(set(labels))
        indices, classes = encode_labels(labels, classes=known, where=listing.where)
        split(
            indices,
            [clip.part for clip in clips] if parts else None,
            groups=merge_groups([clip.group for clip in clips], [contents[row] for row in rows]),
            classes=classes,
            val_share=0.1,
            test_share=0.2,
            seed=0,
            where=listing.where,
        )
    except InputError as error:
        return [str(error)]
    return []


def _strays(clips: Sequence[Clip], source: Path) -> tuple[list[Path], list[Path]]:
    """Find unlisted video files, and other files in the folders of the clips."""
    homes = {os.path.dirname(os.path.abspath(clip.path)) for clip in clips}
    listed = {os.path.abspath(clip.path) for clip in clips}
    unlisted, no_videos = [], []
    folders = set(homes)
    if source.is_dir():
        folders |= {os.path.abspath(here) for here, _ in video_files(source)}
    for folder in sorted(folders):
        for path in _files(folder):
            if os.path.splitext(path)[1].lower() in VIDEO_SUFFIXES:
                if path not in listed:
                    unlisted.append(Path(path))
            elif folder in homes and source.is_dir() and path not in listed:
                no_videos.append(Path(path))
    return unlisted, no_videos


def _files(folder: str) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return sorted(
                entry.path for entry in entries if entry.is_file() and not is_junk(entry.name)
            )
    except OSError:
        return []
