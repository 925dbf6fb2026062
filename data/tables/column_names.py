"""Usual names of columns, by their role."""

import re
from collections.abc import Sequence

from data.files.errors import InputError

#: paths of clips
PATH = ("path", "file", "filename", "file_name", "file_path", "video", "video_path", "clip")
#: classes of clips
CLIP_LABEL = ("label", "class", "class_name", "category", "target", "action", "activity")
#: seconds at which clips start, and end, within their files
START_SECONDS = (
    *("start_seconds", "start", "start_time", "time_start", "t_start", "start_s", "start_sec"),
    *("begin", "begin_time", "begin_seconds", "t_begin", "begin_s", "begin_sec"),
)
END_SECONDS = (
    *("end_seconds", "end", "end_time", "time_end", "t_end", "end_s", "end_sec"),
    *("stop", "stop_time", "stop_seconds", "t_stop", "stop_s", "stop_sec"),
)
#: parts of rows: train, val or test
SPLIT = ("split", "part", "subset", "partition", "set", "phase", "usage")
_TIMES = frozenset(
    ["start", "end", "begin", "stop", "onset", "offset", "duration", "dur", "length"]
)
#: texts to classify
TEXT = (
    *("text", "review", "sentence", "content", "comment", "tweet", "message", "body"),
    *("review_text", "reviewtext", "review_body", "document"),
)
#: classes of texts
TEXT_LABEL = ("label", "sentiment", "stars", "target", "class", "category", "rating", "polarity")


def columns_named(names: Sequence[str], columns: Sequence[str]) -> list[str]:
    """List the columns that have one of some names, in their order.

    Case does not count, and blank, hyphen and underscore are the same: ``Video Path`` and
    ``videoPath`` count as ``video_path``.
    """
    known = {_plain(name) for name in names}
    return [column for column in columns if _plain(column) in known]


def find_column(
    names: Sequence[str], columns: Sequence[str], *, source: str, option: str
) -> str | None:
    """Find the only column with one of some names; None where there is none.

    Args:
        names: possible names; a column of exactly the first one is taken before all others.
        columns: columns of the source.
        source: name of the source in errors.
        option: command-line option for the column, e.g. ``--data.label_column``.

    Raises:
        InputError: several columns have one of the names, and none has the first.
    """
    if names[0] in columns:
        return names[0]
    found = columns_named(names, columns)
    if len(found) > 1:
        raise InputError(
            f"{source}: no column '{names[0]}', and several that could be meant:"
            f" {', '.join(found)}; name the right one by {option}"
        )
    return found[0] if found else None


def require_once(names: Sequence[str], columns: Sequence[str], *, source: str) -> None:
    """Raise an `InputError` if two columns share one of the names."""
    twice = next((name for name in names if columns.count(name) > 1), None)
    if twice is not None:
        raise InputError(f"{source}: the column '{twice}' is there twice; rename one of them")


def columns_like_times(columns: Sequence[str]) -> list[str]:
    """List the columns that hold a start, an end or a length by their names: ``end_ms``."""
    return [
        column
        for column in columns
        if _TIMES & set(_plain(column).split("_")) or _plain(column) in ("from", "to", "num_frames")
    ]


def _plain(name: str) -> str:
    # videoPath, video path and video-path are video_path.
    parted = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name.strip())
    return re.sub(r"[\s_-]+", "_", parted).casefold()
