"""Names that people give to columns, by what the columns hold."""

import re
from collections.abc import Sequence

from data.files.errors import InputError

#: path of a clip
PATH = ("path", "file", "filename", "file_name", "file_path", "video", "video_path", "clip")
#: class of a clip
CLIP_LABEL = ("label", "class", "class_name", "category", "target", "action", "activity")
#: seconds at which a clip starts, and ends, within its file
START_SECONDS = (
    *("start_seconds", "start", "start_time", "time_start", "t_start", "start_s", "start_sec"),
    *("begin", "begin_time", "begin_seconds", "t_begin", "begin_s", "begin_sec"),
)
END_SECONDS = (
    *("end_seconds", "end", "end_time", "time_end", "t_end", "end_s", "end_sec"),
    *("stop", "stop_time", "stop_seconds", "t_stop", "stop_s", "stop_sec"),
)
#: part of a row: train, val or test
SPLIT = ("split", "part", "subset", "partition", "set", "phase", "usage")
_TIMES = frozenset(
    ["start", "end", "begin", "stop", "onset", "offset", "duration", "dur", "length"]
)
#: text to classify
TEXT = (
    *("text", "review", "sentence", "content", "comment", "tweet", "message", "body"),
    *("review_text", "reviewtext", "review_body", "document"),
)
#: class of a text
TEXT_LABEL = ("label", "sentiment", "stars", "target", "class", "category", "rating", "polarity")


def columns_named(names: Sequence[str], columns: Sequence[str]) -> list[str]:
    """The columns that bear one of some names, in their order.

    Case does not count, and a blank, a hyphen and an underscore are the same: ``Video Path``
    and ``videoPath`` bear the name ``video_path``.
    """
    known = {_plain(name) for name in names}
    return [column for column in columns if _plain(column) in known]


def find_column(
    names: Sequence[str], columns: Sequence[str], *, source: str, option: str
) -> str | None:
    """The one column that bears one of some names; None where there is none.

    Args:
        names: what such a column may be called; the first is the name it has by default, and a
            column of exactly this name is taken before all others.
        columns: those that are there.
        source: what has them, for the error.
        option: what names the column on the command line, e.g. ``--data.label_column``.

    Raises:
        InputError: several columns bear one of the names, none of them the first.
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
    """Raise an error if one of the names is that of two columns."""
    twice = next((name for name in names if columns.count(name) > 1), None)
    if twice is not None:
        raise InputError(f"{source}: the column '{twice}' is there twice; rename one of them")


def columns_like_times(columns: Sequence[str]) -> list[str]:
    """The columns whose names say that they hold a beginning, an end or a length: ``end_ms``."""
    return [
        column
        for column in columns
        if _TIMES & set(_plain(column).split("_")) or _plain(column) in ("from", "to", "num_frames")
    ]


def _plain(name: str) -> str:
    # videoPath, video path and video-path are video_path.
    parted = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name.strip())
    return re.sub(r"[\s_-]+", "_", parted).casefold()
