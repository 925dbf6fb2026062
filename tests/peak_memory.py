"""The most memory that a process has held."""

import re
from pathlib import Path

import pytest


def peak_mib(process: int | str = "self") -> float:
    """Most resident memory in MiB, as Linux counts it since the process's program began.

    `resource.getrusage` begins a new program with the memory of the one that started it.
    """
    status = Path(f"/proc/{process}/status")
    if not status.is_file():
        pytest.skip("memory of a process is read as Linux has it")
    return int(re.search(r"VmHWM:\s+(\d+)", status.read_text())[1]) / 1024
