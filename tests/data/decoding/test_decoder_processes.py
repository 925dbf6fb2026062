"""Processes of isolated decoders: copied with it, replaced, and ended with whoever uses it."""

import gc
import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from data.decoding.decode import Reading
from data.decoding.isolation import Decoder
from data.decoding.probe import UnreadableError
from tests import ROOT
from tests.data.decoding.isolated import assert_same, in_process, is_alive, read, wait_until

pytestmark = pytest.mark.skipif(
    not hasattr(signal, "SIGSTOP"), reason="processes are stopped and looked at as POSIX has it"
)


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
