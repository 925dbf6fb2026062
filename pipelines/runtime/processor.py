"""Settings of the processor and of memory, made before a command computes."""

import ctypes
import os
import platform

import torch

# Numbers of the GNU C library's mallopt(3).
_TRIM_THRESHOLD, _TOP_PAD, _MMAP_MAX = -1, -2, -4
_NEVER, _AT_ONCE_BYTES = -1, 64 * 1024**2


def prepare_processor() -> None:
    """Call before the first computation: threads take this over from the one that starts them.

    Numbers too small to matter count as zero: gradients far back in time have many of them, and each
    would cost a hundred times what another does.

    Memory that is given back stays with the process, unless the environment settles that (variables
    MALLOC_… or GLIBC_TUNABLES). The GNU C library asks the system for each tensor
    of more than 32 MiB by itself, and the system fills each with zeros, page by page: a third of the
    time of a training step over some thousand words.
    """
    torch.set_flush_denormal(True)
    is_settled = any(name.startswith("MALLOC_") for name in os.environ)
    if platform.libc_ver()[0] == "glibc" and not is_settled and "GLIBC_TUNABLES" not in os.environ:
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_MMAP_MAX, 0)
        mallopt(_TRIM_THRESHOLD, _NEVER)
        mallopt(_TOP_PAD, _AT_ONCE_BYTES)
