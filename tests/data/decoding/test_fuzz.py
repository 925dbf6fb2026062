"""Files that were changed at random, and files that are opened thousands of times."""

import os
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from data.decoding.decode import Reading, read_frames
from data.decoding.isolation import Decoder
from data.decoding.probe import UnreadableError
from tests.clips import WAYS, write_way
from tests.data.decoding.test_decoder_cases import CASES

pytestmark = pytest.mark.slow

HOW = Reading(size_px=32, interpolation="fast")
LIMIT_SECONDS = 10.0
# An allocator may hold back so much without a leak.
SLACK_BYTES = 48 * 2**20


def resident_bytes(process="self"):
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def num_threads():
    return len(list(Path("/proc/self/task").iterdir()))


def mutate(content, other, random):
    """Bits flipped, the end cut off, or the rest of another file put in its place."""
    kind = random.choice(["flips", "header flips", "truncation", "splice"])
    content = bytearray(content)
    if kind == "truncation":
        return content[: random.integers(1, len(content))]
    if kind == "splice":
        return content[: random.integers(len(content))] + other[random.integers(len(other)) :]
    reach = len(content) if kind == "flips" else min(len(content), 2000)
    for place in random.integers(0, reach, random.integers(1, 100)):
        content[place] ^= 1 << random.integers(8)
    return content


def outcome_of(decoder, path, room):
    """``frames``, or what kind of reason there was."""
    try:
        decoder.read_into(path, lambda: room, HOW)
    except UnreadableError as error:
        reason = str(error)
    else:
        return "frames"
    if not reason or "\n" in reason:
        return "not one line"
    kinds = ("ended the decoder", "took longer", "only ")
    return next((kind.strip() for kind in kinds if reason.startswith(kind)), "refused")


def test_2000_mutated_files_end_as_frames_or_as_a_reason(tmp_path, capsys):
    sources = [write_way(tmp_path, way) for way in WAYS]
    # Small ones, so that the time goes into what is done with damage.
    sources += [path for path in CASES if path.stat().st_size < 500_000]
    contents = [path.read_bytes() for path in sources]
    random = np.random.default_rng(0)
    decoder = Decoder(limit_seconds=LIMIT_SECONDS)
    room = np.empty((32, 32, 3), np.uint8)
    results, slowest = Counter(), 0.0
    for k in range(2000):
        at = random.integers(len(sources))
        content = mutate(contents[at], contents[random.integers(len(sources))], random)
        path = tmp_path / f"mutated{sources[at].suffix}"
        path.write_bytes(content)
        start = time.monotonic()
        results[outcome_of(decoder, path, room)] += 1
        slowest = max(slowest, time.monotonic() - start)
        path.unlink()
        if k == 200:
            # Where the file before ended the decoder there is none.
            decoder.probe(sources[0])
            before, threads = resident_bytes(), num_threads()
            apart_before = resident_bytes(decoder._process.pid)
    decoder.probe(sources[0])
    apart = resident_bytes(decoder._process.pid)
    assert apart - apart_before < SLACK_BYTES
    assert slowest < LIMIT_SECONDS + 5
    assert num_threads() == threads
    assert resident_bytes() - before < SLACK_BYTES
    assert results["frames"] > 200
    assert results["not one line"] == 0
    with capsys.disabled():
        grown = (resident_bytes() - before) / 2**20
        grown_apart = (apart - apart_before) / 2**20
        print(
            f"\n{dict(results)}; slowest {slowest:.1f} s; since the 200th {grown:+.1f} MiB, and"
            f" {grown_apart:+.1f} MiB in the decoder's process"
        )


def test_5000_opens_leave_no_memory_and_no_thread(tmp_path, capsys):
    paths = [write_way(tmp_path, way) for way in WAYS]
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(paths[0].read_bytes()[:300])
    for k in range(5000):
        path = paths[k % len(paths)] if k % 10 else broken
        with suppress(UnreadableError):
            read_frames(path, size_px=32, max_frames=3)
        if k == 99:
            before, threads = resident_bytes(), num_threads()
    grown = resident_bytes() - before
    assert num_threads() == threads
    assert grown < SLACK_BYTES
    with capsys.disabled():
        print(f"\n{grown / 2**20:+.1f} MiB and no thread more after 5,000 opens than after 100")
