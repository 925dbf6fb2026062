"""A checkpoint is written whole, or what was there before stays."""

import os
import subprocess
import sys

import torch

from pipelines.training.checkpoint_files import WholeCheckpointIO
from tests import ROOT

# The system refuses to let a file grow, as it does on a full disk.
TOO_LARGE = """
import resource, signal, sys, torch
from data.files.errors import InputError
from pipelines.training.checkpoint_files import WholeCheckpointIO
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    WholeCheckpointIO().save_checkpoint({"weights": torch.ones(1_000_000)}, "x.ckpt")
except InputError as error:
    print(error)
"""


def test_a_full_disk_leaves_what_was_there(in_folder):
    WholeCheckpointIO().save_checkpoint({"weights": torch.zeros(3)}, "x.ckpt")
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", TOO_LARGE], env=env, capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("x.ckpt: cannot be written (")
    assert torch.equal(torch.load("x.ckpt", weights_only=True)["weights"], torch.zeros(3))
    assert os.listdir() == ["x.ckpt"]


def test_a_missing_folder_is_made(in_folder):
    WholeCheckpointIO().save_checkpoint({"a": 1}, "deep/er/x.ckpt")
    assert torch.load("deep/er/x.ckpt", weights_only=True) == {"a": 1}
