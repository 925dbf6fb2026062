"""Findings of the doctor as text for the screen."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from data.clips.clip import Clip, clip_name
from data.splits.leaks import Leak
from data.splits.parts import PARTS
from data.video.doctor import VERDICTS, WRONG, Diagnosis, Finding, labels_like_parts, part_of
from pipelines.runtime.escaping import printable as one_line

# Limit of the printed clips, remarks and leaks; half the limit of the printed classes.
_MOST = 15
_IMBALANCE = 10
_INDENT = 14


def conclusion(diagnosis: Diagnosis) -> str:
    """Write the last line: a count of the clips that need a look."""
    wrong, clips = diagnosis.wrong, _many(len(diagnosis.findings), "clip")
    if wrong:
        counts = Counter(finding.verdict for finding in wrong)
        kinds = ", ".join(f"{counts[v]:,} {v}" for v in reversed(VERDICTS) if counts[v])
        return f"{len(wrong):,} of {clips} need{'s' * (len(wrong) == 1)} a look: {kinds}."
    if diagnosis.problems:
        return f"Nothing is wrong with these {clips}, but with the set that they make."
    return f"Nothing is wrong with these {clips}."


def table(diagnosis: Diagnosis) -> str:
    """Lay out the contents of the data set, then its problems, as lines."""
    blocks = (
        [one_line(diagnosis.where)],
        [*_what_there_is(diagnosis.findings)],
        [*_what_is_wrong(diagnosis)],
        [*_remarks(diagnosis)],
        [*_examples(diagnosis)],
    )
    return "\n\n".join("\n".join(block) for block in blocks if block)


def _what_there_is(findings: Sequence[Finding]) -> Iterator[str]:
    clips = [finding.clip for finding in findings]
    readable = [finding.checkup for finding in findings if finding.checkup.is_readable]
    num_frames = sum(checkup.frames for checkup in readable)
    hours = sum(checkup.seconds for checkup in readable) / 3600
    yield _line("clips", f"{len(clips):,} ({num_frames:,} frames, {hours:,.2f} hours)")
    yield from _classes(clips)
    if groups := {clip.group for clip in clips} - {None}:
        yield _line("groups", f"{len(groups):,}")
    if not readable:
        return
    yield _line("shown size", _most(f"{one.width_px}x{one.height_px}" for one in readable))
    rates = [one.frames_per_second for one in readable if one.frames_per_second]
    yield _line("rate", _most(f"{rate:.4g} fps" for rate in rates) or "none")
    yield _line("varying rate", _number(sum(one.rate_varies for one in readable)))
    yield _line("seconds", _range([one.seconds for one in readable], ",.1f"))
    yield _line("frames", _range([one.frames for one in readable], ",.0f"))
    yield _line("codec", _most(f"{one.codec} in {one.container}" for one in readable))


def _classes(clips: Sequence[Clip]) -> Iterator[str]:
    """Yield a line for each class, with its clips in each part where the source names parts."""
    parts = list(dict.fromkeys(part for clip in clips if (part := part_of(clip))))
    parts.sort(key=_place)
    counts = Counter(_label(clip) for clip in clips)
    by_part = Counter((_label(clip), part_of(clip)) for clip in clips)
    names = [label for label, _ in counts.most_common()]
    num_hidden = max(len(names) - 2 * _MOST, 0)
    shown = [*names[:_MOST], *names[_MOST + num_hidden :]]
    titles = [one_line(part) for part in parts]
    width = max(len(one_line(name)) for name in shown)
    widths = [9, 9, *(max(9, len(title) + 2) for title in titles)]

    def row(title: str, name: str, *cells: str) -> str:
        aligned = (f"{cell:>{wide}}" for cell, wide in zip(cells, widths, strict=True))
        return _line(title, f"{name:<{width}}{''.join(aligned)}")

    yield row("classes", f"{len(names):,}", "clips", "share", *titles)
    for k, name in enumerate(shown):
        if num_hidden and k == _MOST:
            yield _line("", f"... {num_hidden:,} more")
        share = f"{counts[name] / len(clips):.1%}"
        of_parts = (f"{by_part[name, part]:,}" for part in parts)
        yield row("", one_line(name), f"{counts[name]:,}", share, *of_parts)


def _what_is_wrong(diagnosis: Diagnosis) -> Iterator[str]:
    by_verdict = {verdict: [] for verdict in VERDICTS}  # type: dict[str, list[Finding]]
    for finding in diagnosis.findings:
        by_verdict[finding.verdict].append(finding)
    damaged = [finding.checkup for finding in by_verdict["damaged"]]
    decoded, held = (sum(getattr(one, f) for one in damaged) for f in ("frames_decoded", "frames"))
    kinds = Counter(leak.kind for leak in diagnosis.leaks)
    shared = [
        _many(kinds["duplicate"], "set") + " of the same bytes" if kinds["duplicate"] else "",
        _many(kinds["group"], "group") if kinds["group"] else "",
    ]
    details = {
        "damaged": f" ({decoded:,} of {held:,} frames decoded)",
        "leak": f" (in more than one part: {', '.join(filter(None, shared))})",
    }
    for verdict in reversed(VERDICTS[2:]):
        count = len(by_verdict[verdict])
        if verdict == "implausible" and not count:
            continue  # rare, so most readers need not learn of this verdict
        yield _line(verdict, _number(count) + (details.get(verdict, "") if count else ""))
    num_copies = sum(map(len, diagnosis.copies))
    sets = f" ({_many(len(diagnosis.copies), 'set')} of the same bytes)"
    yield _line("duplicates", _number(num_copies) + (sets if num_copies else ""))
    for what, files in (
        ("of video, in no class and no list", diagnosis.unlisted),
        ("whose names are not of videos", diagnosis.no_videos),
    ):
        if files:
            examples = ", ".join(one_line(path) for path in files[:3])
            yield _line("left out", f"{_many(len(files), 'file')} {what}, e.g. {examples}")


def _remarks(diagnosis: Diagnosis) -> Iterator[str]:
    """Yield the problems of the set as a whole, and notes on it that are no problems."""
    for problem in diagnosis.problems:
        yield f"wrong: {one_line(problem)}"
    for hint in diagnosis.hints:
        yield f"note: {one_line(hint)}"
    labels = (finding.clip.label for finding in diagnosis.findings)
    counts = Counter(label for label in labels if label).most_common()
    if counts and counts[0][1] > _IMBALANCE * counts[-1][1]:
        (most, many), (least, few) = counts[0], counts[-1]
        yield (
            f"note: '{one_line(most)}' has {many / few:.0f} times as many clips as"
            f" '{one_line(least)}'; --model.class_weights=balanced lets all classes count alike"
        )
    if like_parts := labels_like_parts(finding.clip.label for finding in diagnosis.findings):
        names = ", ".join(f"'{one_line(name)}'" for name in like_parts)
        yield f"note: {names} is read as a class, and named like a part of a data set"
    # Clips with something wrong are listed further down, with their remarks.
    remarked = [f for f in diagnosis.findings if f.checkup.remarks and f.verdict not in WRONG]
    for finding in remarked[:_MOST]:
        remarks = "; ".join(finding.checkup.remarks)
        yield f"note: {one_line(_name(finding.clip))}: {one_line(remarks)}"
    if len(remarked) > _MOST:
        yield f"note: ... and {_many(len(remarked) - _MOST, 'more clip')} with a remark in the file"
    if single := sum(finding.checkup.frames == 1 for finding in diagnosis.findings):
        yield f"note: {_many(single, 'clip')} of a single frame, which has no order"


def _examples(diagnosis: Diagnosis) -> Iterator[str]:
    """Yield the clips that need a look, the worst first; leaks come last."""
    clips = [finding for finding in diagnosis.wrong if finding.verdict != "leak"]
    lines = [
        f"{finding.verdict}: {one_line(_name(finding.clip))}: {one_line(finding.reason)}"
        for finding in clips[:_MOST]
    ]
    if len(clips) > _MOST:
        lines.append(f"... and {len(clips) - _MOST:,} more")
    lines += [_leak(leak, diagnosis.findings) for leak in diagnosis.leaks[:_MOST]]
    if len(diagnosis.leaks) > _MOST:
        lines.append(f"... and {len(diagnosis.leaks) - _MOST:,} more leaks")
    yield from lines


def _leak(leak: Leak, findings: Sequence[Finding]) -> str:
    what = "the same bytes" if leak.kind == "duplicate" else f"group '{one_line(leak.name)}'"
    places = " and ".join(
        f"in {one_line(part)} ({_many(len(leak.rows[part]), 'clip')}, e.g."
        f" {one_line(_name(findings[leak.rows[part][0]].clip))})"
        for part in sorted(leak.rows, key=_place)
    )
    return f"leak: {what} {places}"


def _place(part: str) -> int:
    return PARTS.index(part) if part in PARTS else len(PARTS)


def _name(clip: Clip) -> str:
    return clip_name(clip.path, clip.section)


def _label(clip: Clip) -> str:
    return clip.label or "(no label)"


def _line(title: str, text: str) -> str:
    return f"{title:<{_INDENT}}{text}".rstrip()


def _most(texts: Iterable[str], limit: int = 5) -> str:
    counts = Counter(texts).most_common()
    shown = ", ".join(f"{text} ({count:,})" for text, count in counts[:limit])
    return shown if len(counts) <= limit else f"{shown} and {_many(len(counts) - limit, 'other')}"


def _range(values: Sequence[float], form: str) -> str:
    low, middle, high = np.percentile(values, (0, 50, 100))
    return f"{low:{form}} to {high:{form}}, median {middle:{form}}"


def _number(count: int) -> str:
    return f"{count:,}" if count else "none"


def _many(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
