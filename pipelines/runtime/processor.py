"""Settings of the processor and of memory allocation for fast computation."""

import ctypes
import os
import platform

import torch

# Parameters and values of mallopt(3) in the GNU C library.
_TRIM_THRESHOLD, _TOP_PAD, _MMAP_MAX = -1, -2, -4
_NEVER, _AT_ONCE_BYTES = -1, 64 * 1024**2


def prepare_processor() -> None:
    """Flush denormal numbers to zero, and keep freed memory in the process.

    Call it before the first computation, because threads inherit the setting from the one that starts
    them.

    Gradients far back in time have many denormal numbers, and each takes about a hundred times as
    long as a normal one.

    By default the GNU C library requests each tensor of more than 32 MiB from the system, which fills
    it with zeros page by page. This takes a third of a training step over some thousand words. Memory
    settings in the environment (variables MALLOC_… or GLIBC_TUNABLES) take precedence.
    """
    torch.set_flush_denormal(True)
    is_settled = any(name.startswith("MALLOC_") for name in os.environ)
    if platform.libc_ver()[0] == "glibc" and not is_settled and "GLIBC_TUNABLES" not in os.environ:
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_MMAP_MAX, 0)
        mallopt(_TRIM_THRESHOLD, _NEVER)
        mallopt(_TOP_PAD, _AT_ONCE_BYTES)
