import gc
import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from data.decoding import isolation
from data.decoding.decode import Reading, read_frames
from data.decoding.isolation import Decoder
from data.decoding.probe import UnreadableError, probe
from data.decoding.sampling import Section
from tests import ROOT
from tests.clips import WAYS, write_way
from tests.odd_clips import join

HOW = Reading(32, "stretch")

pytestmark = pytest.mark.skipif(
    not hasattr(signal, "SIGSTOP"), reason="processes are stopped and looked at as POSIX has it"
)


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return write_way(tmp_path_factory.mktemp("clips"), "h264.mp4")


@pytest.fixture
def decoder():
    decoder = Decoder(limit_seconds=30)
    yield decoder
    decoder.close()


def read(decoder, path, how=HOW, **options):
    frames = []

    def room():
        frames.append(np.empty((how.size_px, how.size_px, 3), np.uint8))
        return frames[-1]

    seconds = decoder.read_into(path, room, how, **options)
    return np.stack(frames).transpose(0, 3, 1, 2), seconds


def in_process(path, how=HOW, **options):
    return read_frames(path, **options, **how._asdict())


def assert_same(decoder, path, how=HOW, **options):
    (pixels, seconds), whole = read(decoder, path, how, **options), in_process(path, how, **options)
    np.testing.assert_array_equal(pixels, whole.pixels)
    np.testing.assert_array_equal(seconds, whole.seconds)


def is_alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_until(holds, seconds=20.0):
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.mark.parametrize("way", WAYS)
def test_the_same_pixels_and_times_as_in_this_process(tmp_path, decoder, way):
    path = write_way(tmp_path, way)
    assert_same(decoder, path)
    assert_same(decoder, path, Reading(24, "letterbox", "fast", "every=3", 7))
    assert_same(decoder, path, section=Section(0.5, 1.5))
    here, there = probe(path), decoder.probe(path)
    for field, value in zip(there._fields, there, strict=True):
        np.testing.assert_array_equal(value, getattr(here, field))


def test_clips_longer_and_frames_larger_than_a_block(clip, decoder, monkeypatch):
    # Room for 3 frames of 32 x 32; one of 80 x 80 is larger.
    monkeypatch.setattr(isolation, "_BLOCK_BYTES", 3 * 32 * 32 * 3)
    assert_same(decoder, clip)
    pid = decoder._process.pid
    assert_same(decoder, clip, HOW._replace(max_frames=3))
    assert decoder._process.pid == pid
    assert_same(decoder, clip, HOW._replace(size_px=80))
    assert decoder._process.pid != pid
    assert_same(decoder, clip)


def test_a_scan_made_before_goes_along(clip, decoder):
    found = probe(clip)
    found = found._replace(pts=found.pts[:20], keyframes=found.keyframes[:2])
    assert_same(decoder, clip, HOW._replace(frames="every=5"), found=found)
    assert len(read(decoder, clip, HOW._replace(frames="every=5"), found=found)[0]) == 4


@pytest.mark.parametrize("ask", ["probe", "count"])
def test_frames_that_are_decoded_to_be_counted_are_heard_of(tmp_path, ask):
    """And so lengthen the limit as those do that were asked for."""
    path = join(tmp_path / "joined.ts", [150, 150], options={"g": "30"})
    decoder = Decoder(limit_seconds=30)
    found = probe(path)
    heard = []

    class Hearing:
        def __init__(self, connection):
            self._connection = connection

        def recv(self):
            heard.append(self._connection.recv())
            return heard[-1]

        def __getattr__(self, name):
            return getattr(self._connection, name)

    decoder.probe(path)
    decoder._connection = Hearing(decoder._connection)
    if ask == "probe":
        np.testing.assert_array_equal(decoder.probe(path).pts, found.pts)
    else:
        read(decoder, path, HOW._replace(frames="count=2"), found=found)
    assert [content for kind, content in heard if kind == "progress"][:2] == [100, 100]
    decoder.close()


def test_one_process_for_all_files_and_none_before_the_first(clip, decoder, tmp_path):
    assert decoder._process is None
    decoder.probe(clip)
    pid = decoder._process.pid
    for path in (tmp_path / "none.mp4", ROOT / "Makefile"):
        with pytest.raises(UnreadableError):
            decoder.probe(path)
        with pytest.raises(UnreadableError):
            read(decoder, path)
    assert_same(decoder, clip)
    assert decoder._process.pid == pid


def test_a_decoder_that_hangs_is_ended_and_the_next_file_read(clip):
    decoder = Decoder(limit_seconds=1)
    decoder.probe(clip)
    stopped = decoder._process.pid
    os.kill(stopped, signal.SIGSTOP)
    started = time.monotonic()
    with pytest.raises(UnreadableError) as caught:
        read(decoder, clip)
    assert 0.9 < time.monotonic() - started < 6
    assert str(caught.value) == "took longer than 1 s to decode (0 frames by then)"
    assert not os.path.exists(f"/proc/{stopped}")
    decoder.limit_seconds = 30
    assert_same(decoder, clip)
    decoder.close()


def test_a_decoder_that_hangs_in_the_middle_says_how_far_it_came(clip, decoder, monkeypatch):
    monkeypatch.setattr(isolation, "_BLOCK_BYTES", 10 * 32 * 32 * 3)
    decoder.limit_seconds = 1
    frames = []

    def room():
        frames.append(np.empty((32, 32, 3), np.uint8))
        if len(frames) == 15:
            os.kill(decoder._process.pid, signal.SIGSTOP)
        return frames[-1]

    with pytest.raises(UnreadableError, match=r"took longer than 1 s to decode \(20 frames by th"):
        decoder.read_into(clip, room, HOW)


def test_the_limit_grows_with_the_frames_that_came(clip, decoder, monkeypatch):
    """A long clip that is decoded at a steady pace is no hanging one."""
    monkeypatch.setattr(isolation, "_BLOCK_BYTES", 5 * 32 * 32 * 3)
    monkeypatch.setattr(isolation, "_FRAMES_PER_LIMIT", 5)
    decoder.limit_seconds = 2.0
    decoder.probe(clip)
    frames = []

    def room():
        frames.append(np.empty((32, 32, 3), np.uint8))
        time.sleep(0.06)
        return frames[-1]

    started = time.monotonic()
    decoder.read_into(clip, room, HOW)
    assert len(frames) == 50
    assert time.monotonic() - started > 2.4


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGKILL])
def test_a_decoder_that_crashes_is_named_and_replaced(clip, decoder, number):
    decoder.probe(clip)
    os.kill(decoder._process.pid, number)
    with pytest.raises(UnreadableError) as caught:
        read(decoder, clip)
    assert str(caught.value) == f"ended the decoder (signal {number.value})"
    assert_same(decoder, clip)


def test_a_crash_in_the_middle(clip, decoder, monkeypatch):
    monkeypatch.setattr(isolation, "_BLOCK_BYTES", 10 * 32 * 32 * 3)
    frames = []

    def room():
        frames.append(np.empty((32, 32, 3), np.uint8))
        if len(frames) == 15:
            os.kill(decoder._process.pid, signal.SIGSEGV)
        return frames[-1]

    with pytest.raises(UnreadableError, match=r"^ended the decoder \(signal 11\)$"):
        decoder.read_into(clip, room, HOW)
    assert_same(decoder, clip)


def test_an_error_of_this_side_leaves_no_half_read_clip_behind(clip, decoder):
    """Whoever is interrupted, or runs out of memory, may read the next file as if nothing was."""

    def room():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        decoder.read_into(clip, room, HOW)
    assert_same(decoder, clip)


def test_a_copy_by_pickle_starts_a_process_of_its_own(clip, decoder):
    decoder.probe(clip)
    copy = pickle.loads(pickle.dumps(decoder))
    assert copy.limit_seconds == decoder.limit_seconds
    assert copy._process is None
    assert_same(copy, clip)
    assert copy._process.pid != decoder._process.pid
    copy.close()
    assert_same(decoder, clip)


def _read_in_child(decoder, clip, sender):
    pixels, _ = read(decoder, clip)
    sender.send((pixels.sum(), decoder._process.pid))
    decoder.close()


def test_a_copy_by_fork_starts_a_process_of_its_own(clip, decoder):
    decoder.probe(clip)
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()
    child = context.Process(target=_read_in_child, args=(decoder, clip, theirs))
    child.start()
    total, pid = ours.recv()
    child.join()
    assert child.exitcode == 0
    assert total == in_process(clip).pixels.sum()
    assert pid != decoder._process.pid
    # The copy's end is not the original's.
    assert_same(decoder, clip)


class _Clips(torch.utils.data.Dataset):
    def __init__(self, clip, decoder):
        self.clip, self.decoder = clip, decoder

    def __len__(self):
        return 4

    def __getitem__(self, index):
        pixels, _ = read(self.decoder, self.clip)
        return int(pixels.astype(np.int64).sum()), self.decoder._process.pid, os.getpid()


# On one core PyTorch finds two workers too many.
@pytest.mark.filterwarnings("ignore:This DataLoader will create")
def test_in_data_workers(clip, decoder):
    decoder.probe(clip)
    loader = DataLoader(_Clips(clip, decoder), batch_size=None, num_workers=2)
    rows = list(loader)
    assert {row[0] for row in rows} == {int(in_process(clip).pixels.astype(np.int64).sum())}
    decoders = {row[1] for row in rows}
    assert len(decoders) == 2
    assert decoder._process.pid not in decoders
    del loader
    gc.collect()
    # Workers end without a word to their decoders, which notice.
    wait_until(lambda: not any(map(is_alive, decoders)))


def test_nothing_is_left_after_close_and_after_garbage_collection(clip):
    for end in (Decoder.close, lambda decoder: None):
        gc.collect()
        open_files = len(os.listdir("/proc/self/fd"))
        decoder = Decoder()
        read(decoder, clip)
        pid = decoder._process.pid
        end(decoder)
        del decoder
        gc.collect()
        assert not os.path.exists(f"/proc/{pid}")
        assert len(os.listdir("/proc/self/fd")) == open_files


def test_a_closed_decoder_may_be_used_again(clip, decoder):
    read(decoder, clip)
    decoder.close()
    decoder.close()
    assert_same(decoder, clip)


def test_an_error_that_nobody_foresaw_costs_its_file_only(clip, decoder):
    # A size that no reading can have reaches the libraries unchecked.
    with pytest.raises(UnreadableError, match=r"^could not be decoded \([A-Za-z]+: .*\)$"):
        decoder.read_into(clip, lambda: None, Reading(size_px=-1))
    read(decoder, clip)


def test_a_process_is_replaced_after_many_files(clip, decoder, monkeypatch):
    monkeypatch.setattr("data.decoding.isolation._FILES_PER_PROCESS", 3)
    processes = []
    for _ in range(7):
        decoder.probe(clip)
        processes.append(decoder._process.pid)
    assert [processes.count(pid) for pid in dict.fromkeys(processes)] == [3, 3, 1]
    assert not is_alive(processes[0])


def test_the_death_of_the_parent_ends_the_child(clip):
    program = (
        "import sys, time; from data.decoding.isolation import Decoder; decoder = Decoder();"
        " decoder.probe(sys.argv[1]); print(decoder._process.pid, flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", program, str(clip)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    with parent:
        pid = int(parent.stdout.readline())
        assert is_alive(pid)
        parent.kill()
    wait_until(lambda: not is_alive(pid))


def test_it_needs_little_and_starts_no_threads(clip, decoder):
    """A decoding process holds neither PyTorch nor a thread for every core."""
    before = threading.active_count()
    read(decoder, clip)
    process = Path(f"/proc/{decoder._process.pid}")
    assert len(list((process / "task").iterdir())) == 1
    assert "libtorch" not in (process / "maps").read_text()
    rss_kib = next(
        int(line.split()[1])
        for line in (process / "status").read_text().splitlines()
        if line.startswith("VmRSS")
    )
    assert rss_kib < 200 * 1024
    assert threading.active_count() == before
